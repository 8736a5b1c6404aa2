import type { health, readiness } from './health.ts'

/** The answer of /health. */
export type Health = ReturnType<typeof health>

/** The answer of /ready. */
export type Ready = ReturnType<typeof readiness>
