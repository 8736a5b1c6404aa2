import { ALPHABET, RESERVED } from '../base/code.ts'
import { invalid } from '../base/problem.ts'

/** Codes that a client may choose. */
export const CUSTOM_CODE = /^[A-Za-z0-9_-]{3,64}$/

/** A random code of `length` characters, by rejection sampling; never all digits, never a reserved word. */
export function generateCode(length: number): string {
  let code = ''
  while (code.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length * 2))) {
      if (byte < FAIR && code.length < length) code += ALPHABET[byte % ALPHABET.length]
    }
    if (code.length === length && !isUsable(code)) code = ''
  }
  return code
}

// The largest multiple of the alphabet's size in a byte: larger bytes would favour the first characters.
const FAIR = 256 - (256 % ALPHABET.length)

/** Throws 400 for a chosen code that a route or an id would shadow. */
export function assertUsable(code: string, field = 'short_code') {
  if (RESERVED.has(code.toLowerCase())) throw invalid(field, 'is reserved by Waypost: choose another code')
  if (!isUsable(code)) throw invalid(field, 'must not consist of digits only')
}

const isUsable = (code: string) => !/^\d+$/.test(code) && !RESERVED.has(code.toLowerCase())
