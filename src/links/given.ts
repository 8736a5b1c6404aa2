// Turns the values of a client into stored ones: checks them, computes times from durations, hashes passwords.
import { invalid, Problem } from '../base/problem.ts'
import { tagsOf } from '../base/tag.ts'
import { iso, readTime } from '../base/time.ts'
import type { Config } from '../config/config.ts'
import { seconds } from '../config/setting-values.ts'
import type { Database } from '../database/guard.ts'
import { notYet, outdatedReplica } from '../fleet/outdated.ts'
import { assertNotOwnTag, ownTags } from '../http/principal.ts'
import type { Admission } from './admission.ts'
import type { Aliased } from './aliases/store.ts'
import { type Codes, refusalOfChosen } from './code.ts'
import { type RowOf, RULES } from './columns.ts'
import type { LinkChange, NewLink } from './schema.ts'
import { refusal as malformed } from './target.ts'
import { endsTooEarly } from './violations.ts'

/** Values of columns; a column that is left out stays as it is, or gets its default. */
export type Stored = Partial<RowOf<'given'>>

/** The values that a change stores. `add` and `remove` are relative to the tags that the link has then. */
export type Change = Stored & { add?: string[]; remove?: string[] }

/** A link to create; a code is generated if it has none. */
export type New = Stored & { original_url: string }

type Parts = { admission: Admission; database: Database; codes: Codes; config: Pick<Config, 'FORWARD_QUERY'> }

/** 19 MiB and two passes (OWASP's minimum for argon2id): 16 guesses at once take 300 MiB, and 25 ms each. */
const HASH = { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 } as const
const TEN_YEARS = 10 * 365 * 86_400

export type Reading = ReturnType<typeof readingOf>

/**
 * Readers of a body for POST and for PATCH. They throw 400 with the field, 403 if a bound key would lose its own tag, and 409 while a replica of an
 * earlier release would ignore a rule.
 */
export function readingOf({ admission, database, codes, config }: Parts) {
  async function storedOf(given: NewLink | LinkChange): Promise<Stored> {
    const { password, forward_query, tags, ...rest } = given
    const { valid_from, valid_until, card } = rest
    if (card?.image) {
      const reason = malformed(card.image)
      if (reason) throw invalid('card.image', reason)
    }
    const stored = rest as Stored
    if (tags !== undefined) stored.tags = tagsOf(tags ?? [], 'tags')
    if (valid_from) stored.valid_from = readTime(valid_from)!
    if (valid_until) stored.valid_until = readTime(valid_until)!
    assertWindow(stored)
    if (forward_query !== undefined) stored.forward_query = forward_query === 'off' ? null : forward_query
    if (password === null) stored.password = null
    else if (typeof password === 'string') stored.password = await Bun.password.hash(password, HASH)
    await assertKnown(stored)
    return stored
  }

  async function assertKnown(stored: Stored) {
    const rule = RULES.find((name) => stored[name])
    if (rule) await assertAllKnow(database, rule)
  }

  /** The new code of a link; undefined if it keeps its own. Any of its aliases will do, even one that only an import could create. */
  async function renamed(code: string, { short_code, aliases }: Aliased) {
    if (code === short_code) return undefined
    const wanted = aliases.includes(code) ? code : codes.tidy(code)
    const reason = aliases.includes(wanted) ? undefined : refusalOfChosen(wanted)
    if (reason) throw invalid('short_code', reason)
    await assertAllKnow(database, 'short_code')
    return wanted
  }

  return {
    /** `field`: the name of the target in the body, of which POST /shorten accepts two. */
    async newLink({ expires_in, reuse, ...given }: NewLink, request: Request, field = 'original_url'): Promise<New> {
      admission.assert(given.original_url, request, field)
      if (given.expired_url) admission.assert(given.expired_url, request, 'expired_url')
      if (given.password === true) throw invalid('password', 'must be the password itself')
      if (reuse && given.password) throw invalid('password', 'must not come with reuse: passwords cannot be compared')
      if (expires_in !== undefined) {
        if (reuse) throw invalid('expires_in', 'must not come with reuse: give valid_until')
        if (given.valid_until) throw invalid('expires_in', 'must not come with valid_until')
        given.valid_until = iso(Date.now() + durationOf(expires_in) * 1000)
      }
      if (given.valid_until && Date.parse(readTime(given.valid_until)!) <= Date.now())
        throw invalid('valid_until', 'must be in the future')
      const stored = (await storedOf({ forward_query: config.FORWARD_QUERY, ...given })) as New
      return { ...stored, tags: ownTags(request, stored.tags ?? []) }
    },

    /** `current` reads the link: clients send the whole object back, so an unchanged URL may stay even if it would be refused now. */
    async change(
      { short_code, add_tags, remove_tags, ...given }: LinkChange,
      request: Request,
      current?: () => Promise<Aliased>,
    ): Promise<Change> {
      for (const name of ['original_url', 'expired_url'] as const) {
        const url = given[name]
        if (!url) continue
        const reason = malformed(url)
        if (reason) throw invalid(name, reason)
        const refused = admission.refusal(url, request)
        if (refused && (await current?.())?.[name] !== url) throw invalid(name, refused)
      }
      const remove = tagsOf(remove_tags ?? [], 'remove_tags')
      for (const tag of remove) assertNotOwnTag(request, tag, 'remove_tags')
      const stored = await storedOf(given)
      const code = short_code && current ? await renamed(short_code.normalize('NFC'), await current()) : undefined
      if (code !== undefined) stored.short_code = code
      if (!stored.tags && !add_tags && !remove_tags) return stored
      return { ...stored, add: ownTags(request, tagsOf(add_tags ?? [], 'add_tags')), remove }
    },
  }
}

/** Throws 409 while a replica is alive that does not know `field`. */
export async function assertAllKnow(database: Database, field: string) {
  const old = await database.run((sql) => outdatedReplica(sql))
  if (old)
    throw new Problem(409, `${field} ${notYet(old)}`, {
      details: [{ field, message: 'needs this release on all replicas' }],
    })
}

function durationOf(text: string): number {
  try {
    return seconds(1, TEN_YEARS)(text)
  } catch (error) {
    throw invalid('expires_in', (error as Error).message)
  }
}

function assertWindow({ valid_from, valid_until }: Stored) {
  if (valid_from && valid_until && Date.parse(valid_until) <= Date.parse(valid_from)) throw endsTooEarly()
}
