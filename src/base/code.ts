// Which paths are codes: shared by the redirect and by everything that creates or accepts codes.

/** Characters of a code; wide-code.ts has those that may be longer. */
export const LONGEST_CODE = 64

/** Every possible code; anything else is refused without a look-up. Imported codes may be one character. */
export const CODE = new RegExp(`^[A-Za-z0-9_-]{1,${LONGEST_CODE}}$`)

/** Of a link; the triggers in sql/ refuse more. */
export const MAX_ALIASES = 100

/** The first words of every route (a test compares them with the router), and a few that a web server may need: never a code. */
export const RESERVED = new Set(
  `alert-status api apidocs assets bulk chaos console dashboard docs events favicon health healthz keys livez login logout logs metrics
   openapi prometheus ready readyz robots shorten static swagger urls users`.split(/\s+/),
)

/** Whether the word is reserved, in any case. */
export const isReserved = (word: string) => RESERVED.has(word.toLowerCase())

/** Characters of generated codes, without 0 O, 1 I l: 57 of them, so 6 characters make 34 billion codes. */
export const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** Its lower-case characters and digits: 31 of them. */
export const LOWER_ALPHABET = '23456789abcdefghjkmnpqrstuvwxyz'

/** A code in lower case, by the letters A to Z alone: `folded` in sql/ and `lower` of SQLite do the same, whatever the locale. */
export const folded = (code: string) => code.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

/** A short URL, or a code, in capitals, by the letters a to z alone; what is percent-encoded stays as it is. */
export const inCapitals = (text: string) => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase())
