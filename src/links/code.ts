import { ALPHABET, folded, isReserved, LONGEST_CODE, LOWER_ALPHABET } from '../base/code.ts'
import { invalid } from '../base/problem.ts'
import type { Config } from '../config/config.ts'

/** Codes that a client may choose. */
export const CUSTOM_CODE = new RegExp(`^[A-Za-z0-9_-]{3,${LONGEST_CODE}}$`)

/** The same in words. */
export const CUSTOM = `3 to ${LONGEST_CODE} of A-Z a-z 0-9 _ -`

/** The rules for new codes, by the setting CODES. */
export type Codes = {
  /** Whether a code is also found in another case. */
  anyCase: boolean
  /** A random code, `longer` characters longer than usual. */
  generate: (longer?: number) => string
  /** A chosen code as it is stored. */
  tidy: (code: string) => string
}

export function codesOf({ CODES }: Pick<Config, 'CODES'>): Codes {
  // 57 to the power of 6 are 34 billion codes; 31 to the power of 7, 28 billion.
  return CODES === 'insensitive'
    ? { anyCase: true, generate: (longer = 0) => generateCode(7 + longer, LOWER_ALPHABET), tidy: folded }
    : { anyCase: false, generate: (longer = 0) => generateCode(6 + longer), tidy: (code) => code }
}

/** A random code of `length` characters, by rejection sampling; never all digits, never a reserved word. */
export function generateCode(length: number, alphabet = ALPHABET): string {
  const fair = 256 - (256 % alphabet.length) // larger bytes would favour the first characters
  let code = ''
  while (code.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length * 2))) {
      if (byte < fair && code.length < length) code += alphabet[byte % alphabet.length]
    }
    if (code.length === length && !isUsable(code)) code = ''
  }
  return code
}

/** The reason why a client may not choose a code, as a phrase after the field's name. A route or an id must not shadow it. */
export function refusalOfChosen(code: string): string | undefined {
  if (!CUSTOM_CODE.test(code)) return `must be ${CUSTOM}`
  if (isReserved(code)) return 'is reserved by Waypost: choose another code'
  return isUsable(code) ? undefined : 'must not consist of digits only'
}

/** Throws 400 for a code that a client may not choose. */
export function assertUsable(code: string, field = 'short_code') {
  const reason = refusalOfChosen(code)
  if (reason) throw invalid(field, reason)
}

const isUsable = (code: string) => !/^\d+$/.test(code) && !isReserved(code)
