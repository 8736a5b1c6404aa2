// The key itself: `wp_` and 256 random bits. Only its sha256 is kept: nobody can guess such a key, so a slower hash would guard nothing more.

const BYTES = 32
const SHOWN = 'wp_'.length + 8

export type Secret = { key: string; prefix: string; hash: Uint8Array }

/** A new key, with what may be shown and what is kept of it. */
export function makeSecret(): Secret {
  const key = `wp_${Buffer.from(crypto.getRandomValues(new Uint8Array(BYTES))).toString('base64url')}`
  return { key, prefix: key.slice(0, SHOWN), hash: digest(key).digest() }
}

/**
 * The hex sha256 that a key is looked up by; undefined for what has not the shape of one. The look-up takes a time that depends on the hash,
 * which nobody can choose: it tells nothing of the keys that there are.
 */
export const hashOf = (token: string): string | undefined =>
  /^wp_[\w-]{43}$/.test(token) ? digest(token).digest('hex') : undefined

const digest = (text: string) => new Bun.CryptoHasher('sha256').update(text)
