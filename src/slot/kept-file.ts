// A small JSON file that a replica keeps for its next start, with its kind, its format, and a checksum of the content. The content can always be
// rebuilt, so an unusable file never stops a start: it is set aside, logged in one line, and written again.
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { writeAtomically } from '../base/atomic-write.ts'
import type { Log } from '../telemetry/logs.ts'
import { putAside, type Unusable } from './put-aside.ts'

export type Reading<T> = { content: T } | { missing: true } | { unusable: Unusable; because: string }

type Options<T> = {
  path: string
  /** The kind of the file: a file of another kind at this path is refused. */
  is: string
  /** The format that this release writes, from 1. */
  format: number
  /** Whether this is the content, an object without other members: a flipped bit in a name would otherwise go unnoticed. */
  accepts: (content: unknown) => content is T
  /** Converts the content of an earlier format; undefined for unknown formats. 0: without a header, as in release 0.1.0. */
  earlier?: (format: number, content: unknown) => unknown
}

const MAX_BYTES = 64 * 1024 * 1024 // the largest policy: 100,000 hosts and 10,000 keys are some 30 MB
const LITTER_AFTER = 60_000 // ms: the writer was killed

export function keptFile<T>({ path, is, format, accepts, earlier }: Options<T>) {
  function judge(text: string): Reading<T> {
    const damaged = (because: string): Reading<T> => ({ unusable: 'damaged', because })
    let all: unknown
    try {
      all = JSON.parse(text)
    } catch {
      return damaged(text.trim() === '' ? 'it is empty' : 'it is not valid JSON')
    }
    if (typeof all !== 'object' || all === null || Array.isArray(all)) return damaged('it is not a JSON object')
    const { kept, ...rest } = all as { kept?: { file?: unknown; format?: unknown; sha256?: unknown } }
    const found = kept === undefined ? 0 : Number(kept?.format ?? Number.NaN)
    if (kept !== undefined) {
      if (!Number.isSafeInteger(found) || found < 1) return damaged('its header has no format')
      if (kept.file !== is) return damaged(`its header belongs to another kind of file (${String(kept.file).slice(0, 40)})`)
      if (found > format) return { unusable: 'newer', because: `it has format ${found}, and this release reads only ${format}` }
      if (kept.sha256 !== digest(rest)) return damaged('its checksum does not match its content')
    }
    let content: unknown = rest
    if (found !== format) content = earlier?.(found, rest)
    if (content === undefined)
      return { unusable: 'older', because: `it has format ${found}, and this release reads only ${format}` }
    if (accepts(content)) return { content }
    return damaged(`its content is not that of a file "${is}"`)
  }

  /** The content, or why there is none. Never throws. */
  function read(): Reading<T> {
    try {
      if (!existsSync(path)) return { missing: true }
      if (!statSync(path).isFile()) return { unusable: 'unreadable', because: 'it is not a file' }
      const descriptor = openSync(path, 'r')
      try {
        if (fstatSync(descriptor).size > MAX_BYTES)
          return { unusable: 'damaged', because: `it is longer than ${MAX_BYTES} bytes` }
        return judge(readFileSync(descriptor, 'utf8'))
      } finally {
        closeSync(descriptor)
      }
    } catch (error) {
      return { unusable: 'unreadable', because: (error as Error).message }
    }
  }

  return {
    path,
    read,

    /** The content; undefined if the file is missing, or unusable: then it is set aside and an error is logged. Never throws. */
    take(log: Pick<Log, 'error'>): T | undefined {
      const found = read()
      if ('content' in found) return found.content
      if ('unusable' in found) {
        const aside = putAside(path, found.unusable)
        log.error(
          { file: path, reason: found.because, kept_as: aside },
          `${basename(path)} cannot be used (${found.unusable}): starting without its content, which is rebuilt`,
        )
      }
      return undefined
    },

    /** Writes atomically, readable by the owner alone. Throws the disk's error. */
    async write(content: T) {
      sweep(path)
      const text = JSON.stringify({ kept: { file: is, format, sha256: digest(content) }, ...(content as object) })
      const fresh = `${path}.${crypto.randomUUID()}.new`
      await writeAtomically(path, fresh, (file) => writeFile(file, text, { flag: 'wx', mode: 0o600 }))
    },
  }
}

const digest = (content: unknown) => new Bun.CryptoHasher('sha256').update(JSON.stringify(content)).digest('hex')

/** Removes temporary files of writers that were killed. */
function sweep(path: string) {
  const folder = dirname(path)
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(`${basename(path)}.`) || !name.endsWith('.new')) continue
    const litter = join(folder, name)
    if (Date.now() - (statSync(litter, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > LITTER_AFTER)
      rmSync(litter, { force: true })
  }
}
