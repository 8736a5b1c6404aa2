// A wire between a replica and a server that it needs: everything passes through, until the wire is cut, slow, or forgets connections.
import { connect, createServer, type Socket } from 'node:net'

export type Wire = Awaited<ReturnType<typeof wireTo>>

/** As PostgreSQL's messages begin: one byte of type, four of length. */
const HEADER = 5
const NOTIFICATION = 'A'.charCodeAt(0)
const AUTHENTICATION = 'R'.charCodeAt(0)

/** Listens on loopback for what `port` answers. */
export async function wireTo(port: number) {
  const links = new Set<Link>()
  let cut = false
  let delay = 0
  let quiet = false

  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    const link: Link = { near, far, dead: false, hasten: [] }
    links.add(link)
    const noticeless = withoutNotices(() => quiet)
    join(near, far, link, (bytes) => bytes)
    join(far, near, link, noticeless)
  })

  function join(from: Socket, to: Socket, link: Link, filter: (bytes: Buffer) => Buffer) {
    from.setNoDelay(true)
    const waiting: { due: number; act: () => void }[] = [] // in order, also where the delay gets shorter meanwhile
    let timer: Timer | undefined
    const deliver = () => {
      clearTimeout(timer)
      while (!cut && waiting[0] && waiting[0].due <= performance.now()) waiting.shift()!.act()
      if (!cut && waiting[0]) timer = setTimeout(deliver, Math.max(0, waiting[0].due - performance.now()))
    }
    link.hasten.push(() => {
      for (const one of waiting) one.due = 0
      deliver()
    })
    const pass = (act: () => void) => {
      if (link.dead) return
      waiting.push({ due: performance.now() + delay, act })
      deliver()
    }
    from.on('data', (bytes) => {
      const left = filter(bytes as Buffer)
      if (left.length > 0) pass(() => void to.write(left))
    })
    from.on('error', () => {})
    from.on('close', () =>
      pass(() => {
        links.delete(link)
        to.destroy()
      }),
    )
  }

  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    port: (server.address() as { port: number }).port,
    /** Nothing arrives on either side, and neither hears that; `heal` lets what was sent meanwhile through, as TCP would. */
    cut() {
      cut = true
    },
    heal() {
      cut = false
      delay = 0
      for (const link of links) for (const hasten of link.hasten) hasten()
    },
    /** Forgets the connections that are open: they stay open at both ends, and nothing arrives any more. New ones work. */
    forget() {
      for (const link of links) link.dead = true
    },
    /** Each way takes `ms` longer. */
    slow(ms: number) {
      delay = ms
    },
    /** PostgreSQL's notices get lost. */
    loseNotices(lost: boolean) {
      quiet = lost
    },
    close() {
      server.close()
      for (const { near, far } of links) {
        near.destroy()
        far.destroy()
      }
    },
  }
}

/** `hasten` delivers what waits, at once. */
type Link = { near: Socket; far: Socket; dead: boolean; hasten: (() => void)[] }

/** Leaves notices out of what PostgreSQL says, which it passes on by whole messages; what is not PostgreSQL passes as it comes. */
function withoutNotices(isQuiet: () => boolean) {
  let rest = Buffer.alloc(0)
  let isPostgres: boolean | undefined
  return (bytes: Buffer): Buffer => {
    isPostgres ??= bytes[0] === AUTHENTICATION
    if (!isPostgres) return bytes
    const all = rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes
    const whole: Buffer[] = []
    let at = 0
    while (at + HEADER <= all.length) {
      const end = at + 1 + all.readUInt32BE(at + 1)
      if (end > all.length) break
      if (!(isQuiet() && all[at] === NOTIFICATION)) whole.push(all.subarray(at, end))
      at = end
    }
    rest = Buffer.from(all.subarray(at))
    return Buffer.concat(whole)
  }
}
