import { invalid } from '../http/problem.ts'
import { RESERVED } from '../redirect/code.ts'

/** What a client may choose. */
export const CUSTOM_CODE = /^[A-Za-z0-9_-]{3,64}$/

// Without 0 O, 1 I l: 57 characters, so 6 of them make 34 billion codes.
const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** A random code of `length` characters, by rejection sampling; never all digits, never a route's word. */
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

// The largest multiple of the alphabet's size in a byte: bytes from there up would favour the first characters.
const FAIR = 256 - (256 % ALPHABET.length)

/** Refuses a chosen code that a route or an id would shadow. */
export function assertUsable(code: string, field = 'short_code') {
  if (RESERVED.has(code.toLowerCase())) throw invalid(field, 'is a word that Waypost uses itself')
  if (!isUsable(code)) throw invalid(field, 'must not be all digits')
}

const isUsable = (code: string) => !/^\d+$/.test(code) && !RESERVED.has(code.toLowerCase())
