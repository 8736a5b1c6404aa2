// A wire between a replica and a server that it needs: everything passes through, until the wire is cut, slow, or forgets connections.
import { connect, createServer, type Socket } from 'node:net'

export type Wire = Awaited<ReturnType<typeof wireTo>>

/** As PostgreSQL's messages begin: one byte of type, four of length. */
const HEADER = 5
const NOTIFICATION = 'A'.charCodeAt(0)
const AUTHENTICATION = 'R'.charCodeAt(0)

/** Listens at `host` for what `port` of loopback answers. */
export async function wireTo(port: number, host = '127.0.0.1') {
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
    const waiting: { due: number; act: () => void }[] = [] // in order, even if the delay becomes shorter
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
    from.on('close', () => {
      if (link.dead) links.delete(link)
      pass(() => {
        links.delete(link)
        to.destroy()
      })
    })
  }

  await new Promise<void>((done) => server.listen(0, host, done))
  return {
    port: (server.address() as { port: number }).port,
    /** Nothing arrives on either side, without any sign; `heal` lets through what was sent in the meantime, as TCP would. */
    cut() {
      cut = true
    },
    heal() {
      cut = false
      delay = 0
      for (const link of links) for (const hasten of link.hasten) hasten()
    },
    /** The connections that are open. */
    open: () => [...links].map((link) => ({ link, here: link.near.remotePort!, there: link.near.localPort! })),
    /** Lets nothing of them through any more; they stay open at both ends. */
    forget(some: Open) {
      for (const { link } of some) link.dead = true
    },
    /** The server gives them up, as its keep-alive would after a while; the other end does not hear of it where they are forgotten. */
    giveUp(some: Open) {
      for (const { link } of some) {
        link.far.destroy()
        if (!link.dead) link.near.destroy()
      }
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

type Open = { link: Link }[]

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
