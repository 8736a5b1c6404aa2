// The secret of a key: `wp_` and 256 random bits. Only its sha256 is stored: such a key cannot be guessed, so a slower hash would add nothing.

const BYTES = 32
const SHOWN = 'wp_'.length + 8

export type Secret = { key: string; prefix: string; hash: Uint8Array }

/** A new key, with the prefix that may be shown and the hash that is stored. */
export function createSecret(): Secret {
  const key = `wp_${Buffer.from(crypto.getRandomValues(new Uint8Array(BYTES))).toString('base64url')}`
  return { key, prefix: key.slice(0, SHOWN), hash: digest(key).digest() }
}

/**
 * The hex sha256 by which a key is looked up; undefined if the token does not have the form of a key. The time of the look-up depends on the hash,
 * which nobody can choose, so it reveals nothing about existing keys.
 */
export const hashOf = (token: string): string | undefined =>
  /^wp_[\w-]{43}$/.test(token) ? digest(token).digest('hex') : undefined

/**
 * The hash under which a key bound to a tag is stored, computed from its usual hash. An earlier release would ignore the tag. It does not find this
 * hash, so it refuses the key.
 */
export const taggedHash = (hash: string): string => digest(`only_tag ${hash}`).digest('hex')

const digest = (text: string) => new Bun.CryptoHasher('sha256').update(text)
