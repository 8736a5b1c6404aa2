// The socket through which `waypost reload` reaches the supervisor. It has no password: its folder is open to the owner alone.
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { join, resolve } from 'node:path'

type Where = { DATA_DIR: string; PORT: number }
type Outcome = { replaced: number } | { error: string }

const folderOf = ({ DATA_DIR }: Where) => join(resolve(DATA_DIR), 'socket')
const socketOf = (where: Where) => join(folderOf(where), `supervisor-${where.PORT}`)

/** Reloads for each connection, and answers with the outcome; returns how to stop. `failed`: the socket cannot be opened. */
export function answerReloads(where: Where, reload: () => Promise<number>, failed: (error: Error) => void): () => void {
  mkdirSync(folderOf(where), { recursive: true, mode: 0o700 })
  chmodSync(folderOf(where), 0o700)
  const socket = socketOf(where)
  rmSync(socket, { force: true }) // left by a kill: the port was free, so no supervisor has it
  const server = createServer((client) => {
    client.on('error', () => {}) // it did not wait
    reload()
      .then(
        (replaced): Outcome => ({ replaced }),
        (error: Error): Outcome => ({ error: error.message }),
      )
      .then((outcome) => client.end(JSON.stringify(outcome)))
  })
  server.on('error', failed)
  server.listen(socket)
  return () => {
    server.close()
    rmSync(socket, { force: true })
  }
}

/** Lets the supervisor on this port replace its replicas; resolves with their number when that is done. Throws an error with its reason. */
export async function requestReload(where: Where): Promise<number> {
  const parts: Buffer[] = []
  let text = ''
  try {
    for await (const part of createConnection(socketOf(where))) parts.push(part)
    text = Buffer.concat(parts).toString()
  } catch {
    throw new Error(
      `no waypost serve with several processes runs on port ${where.PORT} with DATA_DIR ${where.DATA_DIR}: a single process has to be restarted`,
    )
  }
  if (text === '') throw new Error('the supervisor ended during the reload: see its log')
  const outcome = JSON.parse(text) as Outcome
  if ('error' in outcome) throw new Error(outcome.error)
  return outcome.replaced
}
