// The hosts that no link may lead to: those of the database, which every replica holds, and those of a file on this machine.
import { hostOf, readHost } from '../http/host.ts'

export type Blocklist = {
  /** Whether a host is blocked, itself or by a domain above it. */
  blocks: (host: string) => boolean
  /** The same for where a URL leads. */
  blocksTarget: (url: string) => boolean
  /** Calls `listener` when other hosts are blocked than before. */
  onChange: (listener: () => void) => void
}

type Hosts = ReadonlySet<string>
type Feed = { current: () => { hosts: Hosts }; onChange: (listener: (policy: { hosts: Hosts }) => void) => void }
type File = { hosts: () => Hosts; onChange: (listener: () => void) => void }

const LONGEST_NAME = 253

/** Puts the hosts of the `policy` and of the `file` together. */
export function blocklist(policy: Feed, file?: File): Blocklist {
  const listeners: (() => void)[] = []
  const tell = () => listeners.forEach((listener) => listener())
  let known = policy.current().hosts
  policy.onChange(({ hosts }) => {
    const before = known
    known = hosts
    if (!areEqual(before, hosts)) tell()
  })
  file?.onChange(tell)

  function blocks(host: string): boolean {
    const listed = file?.hosts()
    if (known.size === 0 && !listed?.size) return false
    // A longer name is no host; its end is still looked at, in bounded time.
    let at = host.length > LONGEST_NAME ? host.indexOf('.', host.length - LONGEST_NAME) + 1 : 0
    for (;;) {
      const name = host.slice(at)
      if (known.has(name) || listed?.has(name)) return true
      const dot = host.indexOf('.', at)
      if (dot < 0) return false
      at = dot + 1
    }
  }

  return {
    blocks,
    blocksTarget(url) {
      if (known.size === 0 && !file?.hosts().size) return false
      const host = hostOf(url)
      return host !== undefined && blocks(host)
    },
    onChange: (listener) => void listeners.push(listener),
  }
}

/**
 * A host as the list keeps it, from what somebody wrote: `Evil.example`, `*.evil.example`, `192.0.2.7`. Undefined for what is no host, for one
 * with a port, and for one label alone: `com` would block half the internet.
 */
export function blockable(text: string): string | undefined {
  const read = readHost(text.replace(/^\*?\./, ''))
  return read?.port === '' && read.host.length <= LONGEST_NAME && /[.:]/.test(read.host) && !read.host.includes('*')
    ? read.host
    : undefined
}

const areEqual = (a: Hosts, b: Hosts) => a.size === b.size && [...a].every((host) => b.has(host))
