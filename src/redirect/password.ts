// The password of a link: how a visit sends it, and whether it is right. Never more than a few are compared at once, because each comparison takes
// 19 MiB and 25 ms or more of a core, and redirects come first.
import type { Limits } from '../access/limits/limits.ts'
import { Problem } from '../base/problem.ts'
import { readBytes } from '../http/body.ts'

/** The longest password that the API accepts. */
const LONGEST = 200
/** Bytes: 200 characters, percent-encoded. */
const MAX_FORM = 8_192
const FORM_WITHIN = 20_000 // ms

/** The password in the body of a form; '' if the form has no password. 415 for another content type, 413 and 408 as for every body. */
export async function passwordInForm(request: Request): Promise<string> {
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(type))
    throw new Problem(415, 'the content type must be application/x-www-form-urlencoded')
  const bytes = await readBytes(request, MAX_FORM, FORM_WITHIN)
  return new URLSearchParams(new TextDecoder().decode(bytes)).get('password') ?? ''
}

/** The password in `Authorization: Basic`, with any user name; '' if there is none. */
export function passwordInHeader({ headers }: Request): string {
  const [, text = ''] = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(headers.get('authorization') ?? '') ?? []
  const pair = Buffer.from(text, 'base64').toString()
  return pair.slice(pair.indexOf(':') + 1)
}

export const AT_ONCE = 2
/** Comparisons that wait for their turn, and how many of them may be of one link: a flood on one leaves room for the others. */
const WAITING = 32
const WAITING_OF_ONE = 8

/**
 * Returns a function that compares a password with the hash of a link, by argon2 or bcrypt. 429 after too many wrong ones for this link from one
 * address, and while too many wait.
 */
export function passwordCheck({ guardPassword }: Pick<Limits, 'guardPassword'>) {
  const waiting: { linkId: number; start: () => void }[] = []
  let running = 0

  async function inTurn(linkId: number, compare: () => Promise<boolean>): Promise<boolean> {
    if (running < AT_ONCE) running++
    else if (waiting.length >= WAITING || waiting.filter((one) => one.linkId === linkId).length >= WAITING_OF_ONE) throw tooMany()
    else await new Promise<void>((start) => waiting.push({ linkId, start }))
    try {
      return await compare()
    } finally {
      const next = waiting.shift()
      if (next) next.start()
      else running--
    }
  }

  return (request: Request, linkId: number, hash: string, given: string): Promise<boolean> =>
    guardPassword(request, linkId, async () => {
      if (given.length > LONGEST) return false
      return inTurn(linkId, () => Bun.password.verify(given, hash))
    })
}

const tooMany = () =>
  new Problem(429, 'too many passwords are being checked: try again in 1 s', { headers: { 'Retry-After': '1' } })
