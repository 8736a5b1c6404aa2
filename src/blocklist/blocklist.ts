// Blocked hosts, from two sources: the policy (database, same on all replicas) and BLOCKLIST_FILE (this machine).
import { hostOf, readHost } from '../base/host.ts'

export type Blocklist = {
  /** Whether a host or one of its parent domains is blocked. */
  blocks: (host: string) => boolean
  /** The same for the host of a URL. */
  blocksTarget: (url: string) => boolean
  /** Calls `listener` whenever the set of blocked hosts changes. */
  onChange: (listener: () => void) => void
}

type Hosts = ReadonlySet<string>
/** The hosts that the policy blocks. */
export type PolicyHosts = { current: () => { hosts: Hosts }; onChange: (listener: (policy: { hosts: Hosts }) => void) => void }
type File = { hosts: () => Hosts; onChange: (listener: () => void) => void }

const LONGEST_NAME = 253

/** Combines the hosts of the `policy` and of the `file`. */
export function blocklist(policy: PolicyHosts, file?: File): Blocklist {
  const listeners: (() => void)[] = []
  const notify = () => listeners.forEach((listener) => listener())
  let known = policy.current().hosts
  policy.onChange(({ hosts }) => {
    const before = known
    known = hosts
    if (!areEqual(before, hosts)) notify()
  })
  file?.onChange(notify)

  function blocks(host: string): boolean {
    const listed = file?.hosts()
    if (known.size === 0 && !listed?.size) return false
    // A longer name is not a valid host; only its end is checked, to bound the time.
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
 * Normalises a host for the list: `Evil.example`, `*.evil.example`, `192.0.2.7`. Undefined if it is not a host, has a port, or is a
 * single label: `com` would block half the internet.
 */
export function blockable(text: string): string | undefined {
  const read = readHost(text.replace(/^\*?\./, ''))
  return read?.port === '' && /[.:]/.test(read.host) ? read.host : undefined
}

const areEqual = (a: Hosts, b: Hosts) => a.size === b.size && [...a].every((host) => b.has(host))
