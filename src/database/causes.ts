// Why a database cannot do something, in words that help an operator and reveal nothing to a visitor.

/** By the message of PostgreSQL or the system. */
const MESSAGES: [RegExp, string][] = [
  [/no space left on device|disk quota exceeded|\bENOSPC\b|\bEDQUOT\b/i, 'its disk is full'],
  [/read-only file system|\bEROFS\b/i, 'its disk is read-only'],
  [
    /permission denied|operation not permitted|\bEACCES\b|\bEPERM\b/i,
    'its files cannot be read or written: check their owner and permissions',
  ],
  [/input\/output error|\bEIO\b/i, 'its disk reports errors'],
  [/out of memory|could not allocate|cannot enlarge memory/i, 'it is out of memory'],
]

/** By SQLSTATE. */
const CODES: [RegExp, string][] = [
  [/^53100$/, 'its disk is full'],
  [/^53200$/, 'it is out of memory'],
  [/^53300$/, 'it has no connection to spare'],
  [/^25006$/, 'it is read-only'],
  [/^42501$/, 'its role lacks a permission'],
  [/^28\w{3}$/, 'it refuses the role or its password'],
  [/^3D000$/, 'there is no database of that name'],
  [/^57P03$/, 'it is starting'],
  [/^58030$/, 'its disk reports errors'],
  [/^(58P01|58P02|XX001|XX002)$/, 'it is damaged: restore a backup'],
]

/** The cause that a message of PostgreSQL or the system names; undefined if it names none of these. */
export const causeIn = (text: string): string | undefined => MESSAGES.find(([pattern]) => pattern.test(text))?.[1]

/** The cause of an error; undefined if it is none of these. For 42501, the message tells a file from a table: PostgreSQL has one code for both. */
export function causeOf(error: unknown): string | undefined {
  const { code = '', message = '' } = (error ?? {}) as { code?: unknown; message?: string }
  const byFile = /^could not /.test(message) ? causeIn(message) : undefined
  return byFile ?? CODES.find(([pattern]) => pattern.test(String(code)))?.[1]
}
