// Pages with high numbers, at nearly the cost of the first: the ids of every 200th row of a list are kept in memory, and a page begins at the one
// before it. Skipping all rows before it took a second at 1,000,000. Milestones are read in portions, and again once they are old.
import { invalid, unavailable } from '../base/problem.ts'
import type { Database, Fragment, Sql } from './guard.ts'
import type { Page, Total } from './paging.ts'
import { COUNTED } from './totals.ts'

/** Selects the ids of the next `limit` rows of a list after the id `after`. */
export type NextIds = (sql: Sql, after: number, limit: number) => Fragment

/** Rows between two milestones, until there are too many: then every other one is dropped. */
const STEP = 200
const MOST = 65_536
/** Rows that one statement reads, in some 10 ms. */
const PORTION = 10_000
/** Reading takes at most 1 % of the time. */
const COST = 100
/** ms that a request waits for milestones. */
const WAIT = 4_000
/** Lists of one table, by their filters. */
const LISTS = 32

type Asked<T> = {
  page: Page
  counted: Promise<Total>
  /** Names the list among those of the table. */
  filter: unknown
  /** Undefined: the list has no milestones, and a page that is far gets 400. */
  next: NextIds | undefined
  read: (page: Page) => Promise<T[]>
}

/** Rows that any page may skip, in a few milliseconds. */
const NEAR = 2_000

/** 400 if a page is far from the start of a list that has no milestones, and has so many rows. */
export function assertNear({ offset }: Pick<Page, 'offset'>, total: Total, most = COUNTED) {
  if (offset <= most || total.exact) return
  throw invalid(
    'page',
    `is too high: after the first ${most} rows of this list, use cursor, the X-Next-Cursor of the page before`,
  )
}

/**
 * The milestones of the lists of one table. A row that is deleted, or whose id is between others, moves the pages after it only when milestones
 * are read again.
 */
export function milestones(database: Database) {
  const lists = new Map<string, List>()

  function listOf(filter: unknown, next: NextIds): List {
    const name = JSON.stringify(filter)
    const list = lists.get(name) ?? openList(database, next)
    lists.delete(name) // the last of the map is the latest
    lists.set(name, list)
    if (lists.size > LISTS) lists.delete(lists.keys().next().value!)
    return list
  }

  /** A page that may be far, as one that skips few rows; undefined if the list ends before it. */
  async function find({ page, counted, filter, next }: Asked<unknown>): Promise<Page | undefined> {
    if (page.offset <= NEAR) return page
    const total = await counted
    if (!next) assertNear(page, total)
    if (!next || total.exact) return page.offset <= COUNTED ? page : undefined
    return listOf(filter, next).find(page)
  }

  return {
    /** The rows of a page by `read`, and the total. 503 if the rows before the page cannot be counted in time. */
    async list<T>(asked: Asked<T>): Promise<{ rows: T[]; total: Total }> {
      const { page, counted, read } = asked
      counted.catch(() => {}) // it is awaited below, perhaps after another error
      const found = await find(asked)
      const [rows, total] = await Promise.all([found ? read(found) : [], counted])
      return { rows: found?.descending === page.descending ? [...rows] : [...rows].reverse(), total }
    },
    /** Call after many rows changed. */
    forget: () => lists.clear(),
  }
}

type List = ReturnType<typeof openList>

function openList(database: Database, next: NextIds) {
  let known = reader(database, next)
  let reading = false
  let renewAt = 0

  /** Reads all milestones in the background: the first time, or again. */
  async function readAll(into: Reader) {
    reading = true
    const began = Date.now()
    try {
      while (!into.complete()) await into.more()
      known = into
    } catch {
      // the next request tries again
    } finally {
      renewAt = Date.now() + COST * (Date.now() - began) + 1_000
      reading = false
    }
  }

  /** Reads on until `enough`. Each request reads the rows after the last milestone again, because there may be more of them. */
  async function readUntil(enough: () => boolean) {
    for (const end = Date.now() + WAIT; !enough(); await known.more())
      if (Date.now() > end) throw unavailable('the rows before this page are still being counted: try again, or use cursor')
  }

  return {
    async find({ number, size, offset, descending }: Page): Promise<Page | undefined> {
      if (!reading && Date.now() >= renewAt) void readAll(known.complete() ? reader(database, next) : known)
      let first = offset
      let end = offset + size
      if (descending) {
        if (known.complete()) await known.more()
        await readUntil(known.complete)
        end = known.rows() - offset
        first = Math.max(end - size, 0)
      } else if (known.rows() <= first) {
        if (known.complete()) await known.more()
        await readUntil(() => known.rows() > first || known.complete())
      }
      if (end <= 0 || known.rows() <= first) return undefined
      const { after, row } = known.before(first)
      return { number, size: end - first, offset: first - row, after, descending: false }
    },
  }
}

type Reader = ReturnType<typeof reader>

function reader(database: Database, next: NextIds) {
  let ids: number[] = []
  let step = STEP
  let rest = 0
  let complete = false
  let reading: Promise<void> | undefined

  async function read() {
    const limit = Math.max(PORTION, step)
    const [found] = await database.run(
      (sql) => sql<{ rows: number; ids: number[] }[]>`
        select count(*) as rows, coalesce(array_agg(id order by id) filter (where place % ${step} = 0), '{}') as ids
        from (select id, row_number() over (order by id) as place from (${next(sql, ids.at(-1) ?? -1, limit)}) as listed) as numbered`,
    )
    ids.push(...found!.ids)
    rest = found!.rows - found!.ids.length * step
    complete = found!.rows < limit
    if (ids.length > MOST) {
      if (ids.length % 2 === 1) rest += step
      ids = ids.filter((_, i) => i % 2 === 1)
      step *= 2
    }
  }

  return {
    /** Reads the next portion, once for all who wait for it. */
    more: () =>
      (reading ??= read().finally(() => {
        reading = undefined
      })),
    complete: () => complete,
    rows: () => ids.length * step + rest,
    /** The last milestone before a row, and the number of rows up to it. */
    before(row: number) {
      const place = Math.min(Math.floor(row / step), ids.length)
      return { after: place === 0 ? undefined : ids[place - 1], row: place * step }
    },
  }
}
