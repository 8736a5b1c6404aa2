// Hashes of links' passwords. Ours are of argon2id; rows written by other hands may have others.

/** KiB times passes: 13 times ours, some 0.3 s of a core. */
const MAX_ARGON2 = 524_288
/** KiB. */
const MAX_MEMORY = 262_144
const MAX_PARALLEL = 16

const ARGON2 = /^\$argon2(?:id|i|d)\$v=19\$m=(\d{1,7}),t=(\d{1,6}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/
/** A cost of 12 at most, some 0.3 s, too: each more doubles it. The last characters of salt and hash are those that leave no bit over. */
const BCRYPT = /^\$2[aby]\$(?:0[4-9]|1[0-2])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/

/**
 * Whether `text` is a hash by argon2 or bcrypt that Bun.password can compare, and soon: one that takes minutes would keep a thread busy with each
 * guess, and the passwords of all links waiting.
 */
export function isPasswordHash(text: string): boolean {
  const [, memory, passes, parallel, salt, hash] = ARGON2.exec(text) ?? []
  if (memory === undefined) return BCRYPT.test(text)
  const [m, t, p] = [Number(memory), Number(passes), Number(parallel)]
  return (
    isBase64(salt!) &&
    isBase64(hash!) &&
    t >= 1 &&
    p >= 1 &&
    p <= MAX_PARALLEL &&
    m >= 8 * p &&
    m <= MAX_MEMORY &&
    m * t <= MAX_ARGON2
  )
}

/** Without padding, and as it would be encoded. */
const isBase64 = (text: string) => Buffer.from(text, 'base64').toString('base64').replace(/=+$/, '') === text
