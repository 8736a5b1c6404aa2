import type { Config } from '../config/config.ts'
import { baseOf } from './ask.ts'

const WITHIN = 3_000

/** Exits 0 if the server with these settings is ready (or degraded: it still redirects), else 1 with a message. */
export async function healthcheck(config: Config) {
  try {
    const answer = await fetch(`${baseOf(config)}/ready`, {
      signal: AbortSignal.timeout(WITHIN),
      redirect: 'manual',
      proxy: false, // a proxy from the environment would lead away from this machine
    })
    const { status } = (await answer.json()) as { status: string }
    console.log(status)
    process.exitCode = answer.ok ? 0 : 1
  } catch (error) {
    console.error(`waypost: no answer on port ${config.PORT}: ${(error as Error).message}`)
    process.exitCode = 1
  }
}
