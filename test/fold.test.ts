// Folding changes no answer: a server whose counts are folded now and then answers as one that never folds.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { foldClicks } from '../src/clicks/fold.ts'
import { databases } from './databases.ts'
import { printedSeed } from './seed.ts'
import { serveOn, type TestServer } from './server.ts'

const DAY = 86_400_000
const NOW = Date.now()

const counts = fc.array(
  fc.record({
    link: fc.integer({ min: 1, max: 3 }),
    at: fc.integer({ min: NOW - 95 * DAY, max: NOW }),
    browser: fc.constantFrom('Firefox', 'Chrome', 'Safari'),
    referrer: fc.option(fc.integer({ min: 1, max: 15 }).map((n) => `host${n}.example`)),
    bot: fc.boolean(),
    step: fc.constantFrom(1, 1, 1, -1),
  }),
  { minLength: 10, maxLength: 40 },
)
type Count = (typeof counts extends fc.Arbitrary<infer T> ? T : never)[number]

const asked = ['UTC', 'Asia/Kolkata', 'America/St_Johns'].flatMap((tz) =>
  ['', '&from=2026-10-01', `&from=${new Date(NOW - 40 * DAY).toISOString()}&to=${new Date(NOW - 5 * DAY).toISOString()}`].map(
    (span) => `tz=${tz}${span}`,
  ),
)

describe.each(databases)('folding on the $name database', (kind) => {
  let folding: TestServer
  let plain: TestServer
  beforeAll(async () => {
    ;[folding, plain] = await Promise.all([serveOn(kind), serveOn(kind)])
    for (const server of [folding, plain])
      for (const code of ['one', 'two', 'three'])
        await server.post('/urls', { original_url: 'https://example.com/', short_code: code })
  })
  afterAll(() => Promise.all([folding.stop(), plain.stop()]))

  // What is taken back was counted before, as with events.
  const there: Count[] = []
  const add = async (count: Count) => {
    const taken = count.step < 0 ? there.pop() : undefined
    if (count.step < 0 && !taken) return
    if (!taken) there.push(count)
    const { link, at, browser, referrer, bot } = taken ?? count
    for (const { database } of [folding, plain])
      await database.run(
        (sql) =>
          sql`select count_click(${link}::bigint, ${new Date(at)}, ${sql.json({ browser, bot, ...(referrer && { referrer }) })}, ${taken ? -1 : 1})`,
      )
  }

  test('counts added and taken back, before and after', async () => {
    await fc.assert(
      fc.asyncProperty(counts, async (some) => {
        for (const count of some) await add(count)
        await foldClicks(folding.database)
        expect(await foldClicks(folding.database)).toBe(0)
        for (const link of [1, 2, 3])
          for (const query of asked) {
            const [one, other] = await Promise.all([folding, plain].map((server) => server.get(`/urls/${link}/stats?${query}`)))
            expect(one!.status).toBe(200)
            expect(one!.body).toEqual(other!.body)
          }
      }),
      { numRuns: 6, seed: printedSeed('fold') },
    )
    const [left] = await folding.database.run(
      (
        sql,
      ) => sql`select (select count(*) from click_days) as days, (select count(*) from click_series where bucket < now() - interval '3 days') as quarters,
        (select count(*) from click_months) as months, (select count(*) from click_breakdowns where day < current_date - 3) as values`,
    )
    expect(left).toMatchObject({ quarters: 0, values: 0 })
    expect(left!.days).toBeGreaterThan(3) // by what was drawn
    expect(left!.months).toBeGreaterThan(2)
  })

  test('more rows than one chunk takes', async () => {
    const answers = () => Promise.all([1, 2, 3].map((link) => folding.get(`/urls/${link}/stats?from=2026-01-01&to=2026-06-30`)))
    await folding.database.run(
      (sql) => sql`
        insert into click_series (url_id, bucket, clicks, bots)
        select link, quarter, link, 0
        from generate_series(1, 3) link, generate_series('2026-02-01 00:00+00'::timestamptz, '2026-04-15', '15 minutes') quarter`,
    )
    const before = await answers()
    expect(await foldClicks(folding.database)).toBe(3 * (73 * 96 + 1))
    expect((await answers()).map(({ body }) => body)).toEqual(before.map(({ body }) => body))
  })
})
