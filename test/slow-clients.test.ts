// 2,000 clients that hold a connection and never finish: others are redirected as before, and each of the 2,000 is cut off.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { startChild } from './child.ts'
import { anyDatabase } from './databases.ts'

const EACH = 400
const CUT_OFF_WITHIN = 60_000 // the client's patience; Bun gives headers 10 s and a silent connection 30, a JSON body gets 20
const MAY_TAKE = 300e6

const ADMIN_TOKEN = 'slow-clients-operators-token'
const HOST = 'Host: localhost\r\n'
const POST = `POST /users HTTP/1.1\r\n${HOST}Authorization: Bearer ${ADMIN_TOKEN}\r\nContent-Type: application/json\r\n`

type Kind = { name: string; first: string; drip?: string; answered?: number }
const KINDS: Kind[] = [
  { name: 'say nothing', first: '' },
  { name: 'dribble a header', first: `GET /known HTTP/1.1\r\n${HOST}X-A: `, drip: 'a' },
  { name: 'dribble a body of known length', first: `${POST}Content-Length: 90000\r\n\r\n{`, drip: ' ', answered: 408 },
  { name: 'dribble chunks', first: `${POST}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`, drip: '1\r\n \r\n', answered: 408 },
  { name: 'keep a connection that was answered', first: `GET /known HTTP/1.1\r\n${HOST}\r\n`, answered: 302 },
]

let server: Awaited<ReturnType<typeof startChild>>
beforeAll(async () => {
  server = await startChild({ ...(await anyDatabase.settings()), ADMIN_TOKEN })
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ original_url: 'https://example.com/', short_code: 'known' })
  await fetch(`${server.base}/urls`, { method: 'POST', headers, body })
})
afterAll(() => server.kill('SIGKILL'))

type Client = { kind: Kind; socket: Socket; ended: Promise<{ cutOff: boolean; status: number | undefined }> }

async function hold(kind: Kind): Promise<Client> {
  const socket = connect(server.port, '127.0.0.1')
  let received = ''
  socket
    .on('error', () => {})
    .on('data', (bytes) => {
      received += bytes.toString('latin1').slice(0, 20)
    })
  await new Promise((up) => socket.once('connect', up))
  socket.write(kind.first)
  const drip = kind.drip ? setInterval(() => socket.write(kind.drip!), 2_000) : undefined
  const ended = new Promise<boolean>((done) => {
    const timer = setTimeout(done, CUT_OFF_WITHIN, false)
    socket.once('close', () => {
      clearTimeout(timer)
      done(true)
    })
  }).then((cutOff) => {
    clearInterval(drip)
    socket.destroy()
    return { cutOff, status: received ? Number(received.slice(9, 12)) : undefined }
  })
  return { kind, socket, ended }
}

const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))![1]) * 1024

test(
  'redirects are served in the meantime, and clients that never finish are cut off',
  async () => {
    const before = memory()
    const clients: Client[] = []
    for (let held = 0; held < EACH; held += 50)
      clients.push(...(await Promise.all(KINDS.flatMap((kind) => Array.from({ length: 50 }, () => hold(kind))))))
    expect(clients.length).toBe(EACH * KINDS.length)

    const open = () => clients.filter(({ socket }) => !socket.destroyed).length
    const answers: number[] = []
    for (let i = 0; i < 500; i++) {
      const { status } = await fetch(`${server.base}/known`, {
        redirect: 'manual',
        headers: i % 2 ? { connection: 'close' } : {}, // on a connection of its own, too
        signal: AbortSignal.timeout(60_000),
      })
      answers.push(status)
      if (i === 250) expect(open()).toBe(clients.length) // all of them are still there
    }
    expect(answers.filter((status) => status !== 302)).toEqual([])
    expect(memory() - before).toBeLessThan(MAY_TAKE)

    const ends = await Promise.all(clients.map(async ({ kind, ended }) => ({ kind, ...(await ended) })))
    for (const kind of KINDS) {
      const how = ends.filter((end) => end.kind === kind)
      expect({ [kind.name]: [...new Set(how.map(({ cutOff, status }) => `${cutOff} ${status}`))] }).toEqual({
        [kind.name]: [`true ${kind.answered}`],
      })
    }
    expect((await fetch(`${server.base}/known`, { redirect: 'manual' })).status).toBe(302)
  },
  CUT_OFF_WITHIN + 60_000,
)
