import type { Notice } from './schema.ts'

/** `final`: to try again is no use. `after`: not before so many ms. A reason never holds an address's secret part, nor a password. */
export type Outcome = { sent: true; reason?: string } | { sent: false; reason: string; final?: boolean; after?: number }

/** A way that notices go. `send` never throws, and ends within its deadline. */
export type Channel = { name: string; send: (notice: Notice) => Promise<Outcome> }
