// One replica: the built executable with a port and a DATA_DIR of its own, which stay its own when it is started again.
import { type Program, startProgram, until } from './program.ts'

export type Replica = ReturnType<typeof replicaOn>

const READY_WITHIN = 60_000

/** `enter` begins its command; `changed` is called when its process is another. */
export function replicaOn(
  port: number,
  { program, enter }: { program: string; enter: string[] },
  settings: { HOST: string; DATA_DIR: string } & Record<string, string>,
  log: string,
  changed: () => void,
) {
  const host = settings.HOST
  const url = `http://${host}:${port}`
  let server: Program | undefined
  return {
    url,
    host,
    port,
    /** The executable that it runs from its next start on. */
    program,
    /** Of its process, also where that has ended. */
    get pid() {
      return server?.pid ?? 0
    },
    exited: () => server?.exited ?? Promise.resolve(0),
    lives: () => server?.lives() ?? false,
    kill: (signal: NodeJS.Signals) => server?.kill(signal),
    folder: settings.DATA_DIR,
    /** Resolves when it is ready, or degraded because its database is away. `more`: environment for this time. */
    async start(more: Record<string, string> = {}) {
      const env = { ...settings, PORT: String(port), ...more }
      const started = startProgram([...enter, this.program, 'serve'], { log, env })
      server = started
      changed()
      await until(`${url} is ready (${log})`, () => isReady(url, started), READY_WITHIN)
    },
    /** SIGTERM: it finishes what it has begun, and stores its clicks. */
    stop: async () => server?.stop(),
  }
}

async function isReady(url: string, server: Program): Promise<boolean> {
  if (!server.lives()) throw new Error(`${url} ended with ${await server.exited} before it was ready`)
  return fetch(`${url}/ready`).then(
    ({ ok }) => ok,
    () => false,
  )
}
