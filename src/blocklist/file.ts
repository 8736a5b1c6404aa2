// BLOCKLIST_FILE: a host a line, `#` begins a comment, lines of a hosts file (`0.0.0.0 evil.example`) are understood.
import { readFile, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import { ConfigError } from '../config.ts'
import type { Log } from '../telemetry/logs.ts'
import { blockable } from './blocklist.ts'

const LOOK_EVERY = 1_000
const LINES_A_TURN = 10_000 // some 5 ms
const BAD_LINES_SAID = 20

export type BlocklistFile = Awaited<ReturnType<typeof openBlocklistFile>>

/**
 * Reads the file, and again within a second of a change, or at once at SIGHUP; one that goes away leaves what it said. Throws ConfigError where
 * it cannot be read at the start.
 */
export async function openBlocklistFile(path: string, log: Log) {
  const listeners: (() => void)[] = []
  let hosts: ReadonlySet<string> = new Set()
  let seen = ''
  let missing = false
  let looking = false

  async function look() {
    if (looking) return
    looking = true
    try {
      const { ino, mtimeMs, size } = await stat(path)
      const now = `${ino} ${mtimeMs} ${size}`
      if (now !== seen) {
        hosts = await read()
        seen = now
      } else if (!missing) return
      missing = false
      log.info({ file: path, hosts: hosts.size }, 'the blocklist file was read')
      listeners.forEach((listener) => listener())
    } finally {
      looking = false
    }
  }

  async function read(): Promise<Set<string>> {
    const found = new Set<string>()
    let bad = 0
    for (const [index, line] of (await readFile(path, 'utf8')).split('\n').entries()) {
      for (const word of hostsIn(line)) {
        const host = blockable(word)
        if (host) found.add(host)
        else if (++bad <= BAD_LINES_SAID) log.warn({ file: path, line: index + 1 }, 'a line of the blocklist file names no host')
      }
      if (index % LINES_A_TURN === LINES_A_TURN - 1) await Bun.sleep(0)
    }
    if (bad > BAD_LINES_SAID) log.warn({ file: path, lines: bad }, 'that many names in the blocklist file are no hosts')
    return found
  }

  await look().catch((error) => {
    throw new ConfigError(`BLOCKLIST_FILE names a file that cannot be read: ${path} (${error.code})`)
  })
  const lookAgain = () =>
    look().catch((error) => {
      if (!missing) log.error({ file: path, reason: error.code }, 'the blocklist file cannot be read: what it said still holds')
      missing = true
    })
  const timer = setInterval(lookAgain, LOOK_EVERY)
  timer.unref()
  const readAgain = () => {
    seen = ''
    void lookAgain()
  }
  process.on('SIGHUP', readAgain)

  return {
    hosts: () => hosts,
    onChange: (listener: () => void) => void listeners.push(listener),
    stop() {
      clearInterval(timer)
      process.off('SIGHUP', readAgain)
    },
  }
}

/** The names of a line. In a hosts file an address comes first, and names of one label (localhost) are this machine's own. */
function hostsIn(line: string): string[] {
  const words = line.replace(/#.*/, '').split(/\s+/).filter(Boolean)
  return words.length > 1 && isIP(words[0]!) ? words.slice(1).filter((name) => name.includes('.') && !isIP(name)) : words
}
