// How many links and clicks each tag has. Counted in portions, because a statement over all links would keep the embedded database busy for seconds.
import type { Database } from '../database/guard.ts'
import { type Owner, ownLinks } from '../database/ownership.ts'
import type { Tag } from './schema.ts'

/** `whole`: whether these are all tags. */
export type Counts = { tags: Tag[]; whole: boolean }

const LINKS_AT_ONCE = 10_000
const MAX_TAGS = 10_000
/** Counts of more than one portion are kept: counting takes at most 1/20 of the time. */
const SHARE = 20

type Row = Tag & { key: string; last: number }

export function tagCounts(database: Database) {
  let kept: { counts: Counts; nextAt: number } | undefined
  let renewing = false
  let changes = 0

  async function countAll(): Promise<Counts> {
    const before = changes
    const began = Date.now()
    const { portions, ...counts } = await count(database, undefined)
    const now = Date.now()
    if (changes === before) kept = portions > 1 ? { counts, nextAt: now + SHARE * (now - began) } : undefined
    return counts
  }

  async function renew() {
    renewing = true
    await countAll().catch(() => {}) // the last count stays
    renewing = false
  }

  return {
    /**
     * All tags, by name. Up to 10,000 tagged links are counted at once; if there are more, the last count is returned, and refreshed in the background. A
     * restricted caller's links are always counted.
     */
    async all(owner: Owner): Promise<Counts> {
      if (owner !== undefined) return count(database, owner)
      if (!kept) return countAll()
      if (Date.now() >= kept.nextAt && !renewing) void renew()
      return kept.counts
    },
    /** Call after a tag was renamed or deleted. */
    forget() {
      changes++
      kept = undefined
    },
  }
}

async function count(database: Database, owner: Owner): Promise<Counts & { portions: number }> {
  const tags = new Map<string, Tag>()
  let whole = true
  let portions = 0
  for (let after = 0; ; portions++) {
    const rows = await database.run(
      (sql) => sql<Row[]>`
      with tagged as materialized (
        select id, tags, clicks, bots, last_click from urls left join link_totals on url_id = id and url_id > ${after}
        where tag_keys <> '{}' and id > ${after} ${ownLinks(sql, owner)} order by id limit ${LINKS_AT_ONCE}),
      counted as (
        select tag, count(*) as links, coalesce(sum(clicks), 0)::bigint as clicks, coalesce(sum(bots), 0)::bigint as bots,
          max(last_click) as last_click, min(id) as first
        from (select tagged.*, unnest(tags) as tag from tagged) as one group by tag)
      select uncased(tag) as key, tag as name, links, clicks, bots, last_click, (select max(id) from tagged) as last
      from counted order by first`,
    )
    for (const { key, last: _, ...row } of rows) {
      const sum = tags.get(key)
      if (!sum && tags.size === MAX_TAGS) whole = false
      else tags.set(key, sum ? added(sum, row) : row)
    }
    if (rows.length === 0) break
    after = rows[0]!.last
  }
  const { compare } = new Intl.Collator('en', { numeric: true })
  return { tags: [...tags.values()].sort((a, b) => compare(a.name, b.name)), whole, portions }
}

const added = (a: Tag, b: Tag): Tag => ({
  name: a.name,
  links: a.links + b.links,
  clicks: a.clicks + b.clicks,
  bots: a.bots + b.bots,
  last_click: (a.last_click ?? '') > (b.last_click ?? '') ? a.last_click : b.last_click,
})
