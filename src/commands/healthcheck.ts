import type { Config } from '../config.ts'

const WITHIN = 3_000

/** Exits 0 where the server that these settings describe is ready (or degraded: it still redirects), else 1 with a sentence. */
export async function healthcheck(config: Config) {
  const host = config.HOST === '0.0.0.0' ? '127.0.0.1' : config.HOST === '::' ? '[::1]' : config.HOST
  try {
    const answer = await fetch(`http://${host}:${config.PORT}/ready`, { signal: AbortSignal.timeout(WITHIN), proxy: undefined })
    const { status } = (await answer.json()) as { status: string }
    console.log(status)
    process.exitCode = answer.ok ? 0 : 1
  } catch (error) {
    console.error(`waypost: no answer on port ${config.PORT}: ${(error as Error).message}`)
    process.exitCode = 1
  }
}
