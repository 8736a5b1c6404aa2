// From a code to where it leads: one shared read, nothing false remembered, everything bounded. On a real PostgreSQL.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres, { type Sql } from 'postgres'
import { readConfig } from '../src/config/config.ts'
import type { Database } from '../src/database/guard.ts'
import { migrate } from '../src/database/migrate.ts'
import { type OpenDatabase, openDatabase } from '../src/database/open.ts'
import type { Changes } from '../src/redirect/changes.ts'
import { type EdgeTier, openEdgeTier } from '../src/redirect/edge-tier.ts'
import { absentCodes, memoryCache } from '../src/redirect/memory-cache.ts'
import { createResolver } from '../src/redirect/resolver.ts'
import type { Target } from '../src/redirect/target.ts'
import { databases, quiet } from './databases.ts'
import { serverBinaries, sharedCluster } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn } from './server.ts'
import { target } from './target.ts'
import { until } from './until.ts'

const asItIs = (target: Target) => target

describe('the memory cache', () => {
  test.each([
    ['entries', 10, 1e9],
    ['bytes', 1e6, 10 * (170 + 4 + 200)],
  ])('is bounded by %s, and the oldest leaves first', (_, maxEntries, maxBytes) => {
    const cache = memoryCache(maxEntries, maxBytes, asItIs)
    for (let i = 1000; i < 2000; i++) cache.set(target(`${i}`, { location: 'x'.repeat(200) }))
    expect(cache.figures().entries).toBe(10)
    expect(cache.figures().bytes).toBeLessThanOrEqual(maxBytes)
    expect([cache.has('1989'), cache.has('1990'), cache.has('1999')]).toEqual([false, true, true])
  })

  test('lets the oldest leave also after what was removed, replaced and cleared', () => {
    const cache = memoryCache(4, 1e9, asItIs)
    const fill = (codes: string, version = 1) => [...codes].forEach((code) => cache.set(target(code, { version })))
    const held = () => [...'abcdefghij'].filter((code) => cache.has(code)).join('')
    fill('abcdef')
    expect(held()).toBe('cdef')
    cache.remove('d')
    fill('c', 2) // again: the youngest now
    fill('gh')
    expect(held()).toBe('cfgh')
    cache.clear()
    fill('abcdefghij')
    expect(held()).toBe('ghij')
  })

  test('keeps its sum of bytes through replacing and removing', () => {
    const cache = memoryCache(100, 1e9, asItIs)
    for (let round = 1; round < 50; round++)
      for (let i = 0; i < 150; i++) cache.set(target(`c${i}`, { version: round, location: 'y'.repeat((i * round) % 90) }))
    for (let i = 0; i < 150; i++) cache.remove(`c${i}`)
    expect(cache.figures()).toEqual({ entries: 0, bytes: 0 })
  })

  test('takes an entry that is larger than all of it for nothing, and stays usable', () => {
    const cache = memoryCache(10, 1_000, asItIs)
    cache.set(target('large', { location: 'x'.repeat(5_000) }))
    expect(cache.figures()).toEqual({ entries: 0, bytes: 0 })
    cache.set(target('small'))
    expect(cache.get('small')?.version).toBe(1)
  })

  test('never lets an old version take the place of a newer one', () => {
    const cache = memoryCache(10, 1e6, asItIs)
    for (const version of [1, 3, 2, 5, 4]) cache.set(target('code', { version, location: `v${version}` }))
    expect(cache.get('code')?.location).toBe('v5')
  })

  test('vets what it has again, each once and when it is asked for, and stays bounded by the same figures', () => {
    const vetted: string[] = []
    const cache = memoryCache(100, 1e6, (entry) => {
      vetted.push(entry.code)
      return { ...entry, active: false, location: `${entry.location}longer` }
    })
    for (let i = 0; i < 100; i++) cache.set(target(`c${i}`))
    cache.recheckAll()
    expect(vetted).toEqual([])
    for (let again = 0; again < 3; again++) expect(cache.get('c7')?.active).toBe(false)
    cache.set(target('c8', { version: 0 })) // older than what waits to be vetted
    cache.set(target('c9', { version: 2 })) // vetted by who sets it
    expect([cache.get('c9')?.active, cache.get('c8')?.active]).toEqual([true, false])
    expect(vetted).toEqual(['c7', 'c8'])
    cache.recheckAll()
    expect(cache.get('c7')?.location).toEndWith('longerlonger')
    for (let i = 100; i < 300; i++) cache.set(target(`c${i}`))
    expect([cache.figures().entries, cache.has('c7'), cache.has('c20')]).toEqual([100, false, false])
    for (let i = 0; i < 300; i++) cache.remove(`c${i}`)
    expect(cache.figures()).toEqual({ entries: 0, bytes: 0 })
  })
})

test('absent codes are bounded, and forgotten after their time', async () => {
  const absent = absentCodes(100, 500)
  for (let i = 0; i < 1_000; i++) {
    absent.add(`c${i}`)
    expect(absent.size).toBeLessThanOrEqual(100)
  }
  expect([absent.has('c899'), absent.has('c950'), absent.has('c999')]).toEqual([false, true, true])
  absent.remove('c999')
  expect([absent.has('c999'), absent.has('c998')]).toEqual([false, true])
  await Bun.sleep(520)
  expect(absent.has('c998')).toBe(false)
  absent.expire()
  absent.add('later')
  absent.expire()
  expect([absent.size, absent.has('later')]).toEqual([1, true])
  absent.clear()
  expect([absent.size, absent.has('later')]).toEqual([0, false])
})

describe.skipIf(!serverBinaries() && !process.env.TEST_DATABASE_URL)('the resolver', () => {
  let database: OpenDatabase
  let sql: Sql
  const resolvers: { stop: () => void }[] = []
  beforeAll(async () => {
    const { log } = quiet()
    const url = await (await sharedCluster()).createDatabase()
    database = await openDatabase(readConfig({ DATA_DIR: temporaryFolder(), DATABASE_URL: url }, {}), log)
    await new Promise<void>((up) => database.onUp(up))
    await migrate(database, log)
    sql = postgres(url, { max: 2, onnotice: () => {} })
  })
  afterAll(async () => {
    for (const one of resolvers) one.stop()
    await sql.end()
    await database.close()
  })

  const blocked = new Set<string>()
  let asked = 0
  let made = 0
  async function link(location = 'https://example.com/') {
    const code = `made${++made}`
    await sql`insert into urls (short_code, original_url) values (${code}, ${location})`
    return code
  }

  type More = { maxStaleness?: number; staleLimit?: number; edge?: EdgeTier; visitorsWait?: number }

  /** Without the product's 150 ms for a visitor: what is tried here is not how busy the machine is. */
  function open(over: Partial<Database> = {}, more: More = {}) {
    const parts = createResolver({
      database: { ...database, ...over },
      maxEntries: 1_000,
      maxBytes: 1e6,
      blocks(location) {
        asked++
        return blocked.has(location)
      },
      maxStaleness: 1e9,
      staleLimit: undefined,
      visitorsWait: 20_000,
      log: quiet().log,
      ...more,
    })
    resolvers.push(parts)
    return parts
  }

  /** The real database, whose answers wait at a gate, as on a slow way. */
  function gated() {
    let asked = 0
    let read = 0
    let gate = Promise.resolve()
    const run: Database['run'] = async (work, deadline) => {
      asked++
      const wait = gate
      const result = await database.run(work, deadline)
      read++
      await wait
      return result
    }
    return {
      over: { run },
      asked: () => asked,
      /** Waits until the database has answered so often, and its answers are at the gate. */
      waiting: (times: number) => until('the answers are at the gate', () => read === times),
      close() {
        const { promise, resolve } = Promise.withResolvers<void>()
        gate = promise
        return resolve
      },
    }
  }

  test('asks once for one code, however many want it at a time', async () => {
    const code = await link('https://example.com/shared')
    const { resolver } = open()
    const before = database.figures().queries
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => resolver.find(code)))
    expect(database.figures().queries - before).toBe(1)
    expect(new Set(answers.map((answer) => answer?.location))).toEqual(new Set(['https://example.com/shared']))
    expect(resolver.figures().waiting).toBe(0)
  })

  test('asks for many codes in few queries', async () => {
    const { resolver } = open()
    const before = database.figures().queries
    const answers = await Promise.all(Array.from({ length: 2_000 }, (_, i) => resolver.find(`none${i}`)))
    expect(answers.every((answer) => answer === undefined)).toBe(true)
    expect(database.figures().queries - before).toBeLessThanOrEqual(5)
  })

  test('knows of a code that is not there for at most a second, and of one that was made here at once', async () => {
    const { resolver } = open()
    expect(await resolver.find('later1')).toBeUndefined()
    await sql`insert into urls (short_code, original_url) values ('later1', 'https://example.com/later1')`
    const before = database.figures().queries
    expect(await resolver.find('later1')).toBeUndefined()
    expect(database.figures().queries).toBe(before)
    await Bun.sleep(1_020)
    expect((await resolver.find('later1'))?.location).toBe('https://example.com/later1')

    expect(await resolver.find('later2')).toBeUndefined()
    await sql`insert into urls (short_code, original_url) values ('later2', 'https://example.com/later2')`
    resolver.created(target('later2'))
    expect((await resolver.find('later2'))?.location).toBe('https://example.com/later2')
  })

  test('keeps at most 50,000 absent codes, and none of them once their time is over', async () => {
    const { resolver } = open()
    let most = 0
    for (let round = 0; round < 12; round++) {
      await Promise.all(Array.from({ length: 5_000 }, (_, i) => resolver.find(`r${round}n${i}`)))
      most = Math.max(most, resolver.figures().absent)
    }
    expect(most).toBeGreaterThan(5_000)
    expect(most).toBeLessThanOrEqual(50_000)
    while (resolver.figures().absent > 0) await Bun.sleep(50)
  })

  test('never remembers an error as an absent code: a locked table is 503, and the link is there when the lock is gone', async () => {
    const code = await link()
    const { resolver } = open({}, { visitorsWait: undefined })
    const session = await sql.reserve()
    await session`begin`
    await session`lock table urls in access exclusive mode`
    const outcome = await resolver.find(code).catch((error) => error)
    await session`commit`
    session.release()
    expect(outcome).toMatchObject({ name: 'DatabaseUnreachable' })
    expect(resolver.figures().absent).toBe(0)
    expect((await resolver.find(code))?.code).toBe(code)
  })

  test('serves what it knew where the database fails while it is asked', async () => {
    const code = await link()
    let asked = 0
    const fails: Database['run'] = (work, deadline) =>
      database.run(++asked === 1 ? work : (pool) => pool`select 1/0` as never, deadline)
    const { resolver, attach } = open({ run: fails }, { maxStaleness: 0 })
    expect((await resolver.find(code))?.code).toBe(code)
    attach({ figures: () => ({ lastPoll: 1 }) } as Changes) // a feed that has not read for ages, the database reachable
    await Bun.sleep(150)
    expect(resolver.figures().mode).toBe('ask')
    expect(resolver.inMemory(code)).toBeUndefined()
    expect((await resolver.find(code))?.code).toBe(code)
    expect([asked, resolver.figures().lookups.stale]).toEqual([2, 1])
    await expect(resolver.find('unknown')).rejects.toThrow('division by zero')
  })

  test('does not keep a read that began before a change of its code', async () => {
    const code = await link('https://example.com/old')
    const slow = gated()
    const { resolver } = open(slow.over)
    const letGo = slow.close()
    const early = resolver.find(code)
    await slow.waiting(1)
    const [changed] =
      await sql`update urls set original_url = 'https://example.com/new' where short_code = ${code} returning id, version`
    resolver.changed([
      target(code, { id: Number(changed!.id), location: 'https://example.com/new', version: Number(changed!.version) }),
    ])
    const late = resolver.find(code) // wants a read that begins now
    letGo()
    expect((await early)?.location).toBe('https://example.com/old') // it asked before the change was made
    expect((await late)?.location).toBe('https://example.com/new')
    expect(resolver.inMemory(code)?.location).toBe('https://example.com/new')
  })

  test('does not keep an absence that was read before the link was made', async () => {
    const slow = gated()
    const { resolver } = open(slow.over)
    const letGo = slow.close()
    const early = resolver.find('soon')
    await slow.waiting(1)
    await sql`insert into urls (short_code, original_url) values ('soon', 'https://example.com/soon')`
    resolver.created(target('soon'))
    letGo()
    expect(await early).toBeUndefined()
    expect((await resolver.find('soon'))?.location).toBe('https://example.com/soon')
  })

  test('knows a link that was made here from its copy at once, and no older than the copy has it', async () => {
    const edge = openEdgeTier({ folder: temporaryFolder(), database, maxAge: 1e9, log: quiet().log })
    const { resolver, follower } = open({}, { edge })
    await follower.restart()
    resolver.created(target('fresh'))
    resolver.changed([target('moved', { version: 2, location: 'https://example.com/2' })])
    resolver.created(target('moved'))
    await Bun.sleep(0)
    expect([resolver.inEdge('fresh')?.location, resolver.inEdge('moved')?.location]).toEqual([
      'https://example.com/fresh',
      'https://example.com/2',
    ])
  })

  test('does not let a slow read delay the next, and never has more than eight in flight', async () => {
    const slow = gated()
    const { resolver } = open(slow.over)
    const letGo = slow.close()
    const visitors: Promise<unknown>[] = []
    while (slow.asked() < 8) {
      visitors.push(resolver.find(`slow${visitors.length}`))
      await Bun.sleep(5)
    }
    for (let i = 0; i < 20; i++) visitors.push(resolver.find(`crowd${i}`))
    await slow.waiting(8)
    expect(slow.asked()).toBe(8)
    letGo()
    expect(await Promise.all(visitors)).toEqual(visitors.map(() => undefined))
    expect([slow.asked(), resolver.figures().waiting]).toEqual([9, 0])
  })

  test('learns late answers of a slow database, unless the link has changed since', async () => {
    const [kept, moved] = [await link('https://example.com/kept'), await link('https://example.com/old')]
    const { resolver } = open({}, { visitorsWait: undefined })
    await resolver.find(await link())
    const session = await sql.reserve()
    await session`begin`
    await session`lock table urls in access exclusive mode`
    const outcomes = await Promise.all([kept, moved].map((code) => resolver.find(code).catch((error) => error.name)))
    expect(outcomes).toEqual(['DatabaseUnreachable', 'DatabaseUnreachable'])
    resolver.changed([target(moved, { location: 'https://example.com/new', version: 2 })])
    await session`commit`
    session.release()
    while (!resolver.inMemory(kept)) await Bun.sleep(5)
    expect(resolver.inMemory(kept)?.location).toBe('https://example.com/kept')
    expect(resolver.inMemory(moved)).toBeUndefined()
  })

  test('does not keep what was read while another database took the place of the one before', async () => {
    const code = await link('https://example.com/old')
    const slow = gated()
    const { resolver, follower } = open(slow.over)
    const letGo = slow.close()
    const early = resolver.find(code)
    const restarted = follower.restart()
    const kept = resolver.find(code)
    await slow.waiting(2)
    await sql`update urls set original_url = 'https://example.com/new' where short_code = ${code}` // visible in no position that is older
    letGo()
    await Promise.all([early, kept, restarted])
    expect(resolver.inMemory(code)).toBeUndefined()
    expect((await resolver.find(code))?.location).toBe('https://example.com/new')
  })

  test('leads nobody to a target that is blocked, from whichever moment it was blocked, and keeps where it would lead', async () => {
    const location = 'https://blocked.example/'
    const code = await link(location)
    const slow = gated()
    const { resolver } = open(slow.over)
    const letGo = slow.close()
    const early = resolver.find(code)
    await slow.waiting(1)
    blocked.add(location) // while it is read
    resolver.recheckAll()
    letGo()
    expect(await early).toMatchObject({ active: false, blocked: { active: true, location } })
    expect(resolver.inMemory(code)?.active).toBe(false)
    const before = asked
    for (let hit = 0; hit < 100; hit++) resolver.inMemory(code)
    expect(asked).toBe(before) // decided when it entered memory: a hit pays nothing
    blocked.delete(location)
    resolver.recheckAll()
    expect(resolver.inMemory(code)).toEqual(target(code, { id: expect.any(Number), location, version: expect.any(Number) }))
  })

  test.each([
    [undefined, 'serve'],
    [1, 'refuse'],
  ])('with the database unreachable and STALE_LIMIT %p says %s', async (seconds, mode) => {
    const code = await link()
    let state: ReturnType<Database['state']> = 'up'
    const staleLimit = seconds === undefined ? undefined : seconds * 100
    const { resolver, attach } = open({ state: () => state }, { maxStaleness: 5_000, staleLimit })
    await resolver.find(code)
    const lastPoll = Date.now()
    attach({ figures: () => ({ lastPoll }) } as Changes)
    state = 'down'
    await Bun.sleep(300)
    expect(resolver.figures().mode).toBe(mode as 'serve')
    expect(resolver.inMemory(code)?.code).toBe(mode === 'serve' ? code : undefined)
    if (mode === 'refuse') await expect(resolver.find(code)).rejects.toThrow('STALE_LIMIT')
  })
})

test('a flood of 5,000 unknown codes is answered, and known links keep answering', async () => {
  const server = await serveOn(databases.at(-1)!, { AUTH: 'off' })
  try {
    const { body: link } = await server.post('/urls', { original_url: 'https://example.com/known' })
    const counts: Record<number, number> = {}
    let next = 0
    let known = 0
    let over = false
    const visitor = (async () => {
      while (!over) {
        const { status } = await server.get(`/${link.short_code}`)
        expect(status).toBe(302)
        known++
        await Bun.sleep(5)
      }
    })()
    const one = async () => {
      while (next < 5_000) {
        const response = await fetch(`${server.base}/flood-${next++}`, { redirect: 'manual' })
        await response.arrayBuffer()
        counts[response.status] = (counts[response.status] ?? 0) + 1
      }
    }
    await Promise.all(Array.from({ length: 200 }, one))
    over = true
    await visitor
    expect((counts[404] ?? 0) + (counts[503] ?? 0)).toBe(5_000)
    expect(counts[404]).toBeGreaterThan(2_500) // a busy machine is late with some
    expect(known).toBeGreaterThan(5)
    expect((await server.get('/health')).status).toBe(200)
  } finally {
    await server.stop()
  }
})
