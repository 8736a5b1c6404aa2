// BLOCKLIST_FILE: one host per line, `#` starts a comment; the format of /etc/hosts (`0.0.0.0 evil.example`) works too.
import { readFile, stat } from 'node:fs/promises'
import { readIp } from '../base/ip.ts'
import { ConfigError } from '../config/config.ts'
import type { Log } from '../telemetry/logs.ts'
import { blockable } from './blocklist.ts'

const CHECK_EVERY = 1_000
const LINES_PER_TURN = 10_000 // about 5 ms
const BAD_LINES_LOGGED = 20

/**
 * Reads the file now, within a second of a change, and at once on SIGHUP. If it disappears, its last content stays in force. Throws
 * ConfigError if it cannot be read at the start.
 */
export async function openBlocklistFile(path: string, log: Log) {
  const listeners: (() => void)[] = []
  let hosts: ReadonlySet<string> = new Set()
  let seen = ''
  let missing = false
  let refused = 0
  let isReading = false

  async function readIfChanged() {
    if (isReading) return
    isReading = true
    try {
      const { ino, mtimeMs, size } = await stat(path)
      const now = `${ino} ${mtimeMs} ${size}`
      if (now !== seen) {
        const { found, bad } = await read()
        hosts = found
        refused = bad
        seen = now
      } else if (!missing) return
      missing = false
      log.info({ file: path, hosts: hosts.size, ...(refused > 0 && { lines_refused: refused }) }, 'read the blocklist file')
      listeners.forEach((listener) => listener())
    } finally {
      isReading = false
    }
  }

  async function read(): Promise<{ found: Set<string>; bad: number }> {
    const found = new Set<string>()
    let bad = 0
    let badLine = -1
    for (const [index, line] of (await readFile(path, 'utf8'))
      .replace(/^\ufeff/, '')
      .split(/\r?\n/)
      .entries()) {
      for (const word of hostsIn(line)) {
        const host = blockable(word)
        if (host) found.add(host)
        else if (index !== badLine) {
          badLine = index
          if (++bad <= BAD_LINES_LOGGED)
            log.warn(
              { file: path, line: index + 1 },
              'a line of the blocklist file contains something that is not a host: its valid hosts and the other lines are in force',
            )
        }
      }
      if (index % LINES_PER_TURN === LINES_PER_TURN - 1) await Bun.sleep(0)
    }
    if (bad > BAD_LINES_LOGGED)
      log.warn(
        { file: path, lines: bad },
        `the blocklist file has more invalid lines: only the first ${BAD_LINES_LOGGED} are logged`,
      )
    return { found, bad }
  }

  await readIfChanged().catch((error) => {
    throw new ConfigError(`BLOCKLIST_FILE names a file that cannot be read: ${path} (${error.code})`)
  })
  const recheck = () =>
    readIfChanged().catch((error) => {
      if (!missing)
        log.error({ file: path, reason: error.code }, 'cannot read the blocklist file: its last content stays in force')
      missing = true
    })
  const timer = setInterval(recheck, CHECK_EVERY)
  timer.unref()
  const reload = () => {
    seen = ''
    void recheck()
  }
  process.on('SIGHUP', reload)

  return {
    hosts: () => hosts,
    onChange: (listener: () => void) => void listeners.push(listener),
    stop() {
      clearInterval(timer)
      process.off('SIGHUP', reload)
    },
  }
}

/** The names in a line. In a hosts file the address comes first; names of one label (localhost) are local and skipped. */
function hostsIn(line: string): string[] {
  const words = line.replace(/#.*/, '').split(/\s+/).filter(Boolean)
  return words.length > 1 && readIp(words[0]!) ? words.slice(1).filter((name) => name.includes('.') && !readIp(name)) : words
}
