// Tags: how they are written, compared, renamed and counted; and a key that is bound to one.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { foldClicks } from '../src/clicks/fold.ts'
import type { Database } from '../src/database/guard.ts'
import { tagCounts } from '../src/tags/counts.ts'
import { databases } from './databases.ts'
import { printedSeed } from './seed.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const seed = printedSeed('tags')
const ADMIN_TOKEN = 'an-operators-long-token'
const original_url = 'https://example.com/tagged'
const csv = (text: string) => {
  const form = new FormData()
  form.append('file', new File([text], 'urls.csv'))
  return form
}
const many = (count: number) => Array.from({ length: count }, (_, i) => `t${i}`)

describe.each(databases)('on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind, { ADMIN_TOKEN, ...UNLIMITED })
  })
  afterAll(() => server.stop())

  const create = async (tags: unknown, more: object = {}) => (await server.post('/urls', { original_url, tags, ...more })).body
  const patch = (id: number, body: object, headers = {}) => server.call('PATCH', `/urls/${id}`, body, headers)
  const tagsOf = async (id: number) => (await server.get(`/urls/${id}`)).body.tags
  const found = async (query: string, headers = {}) =>
    (await server.get(`/urls?per_page=100&${query}`, headers)).body.map(({ id }: { id: number }) => id)
  /** Writes `count` links with the tags of the expression, which knows the number `n` of each. */
  const fill = (database: Database, prefix: string, count: number, tags: string) =>
    database.run(
      (sql) => sql`
        insert into urls (short_code, original_url, tags)
        select ${prefix}::text || n, ${original_url}, ${sql.unsafe(tags)} from generate_series(1, ${count}) n`,
      60_000,
    )
  const listed = async (q: string, headers = {}) => (await server.get(`/api/tags?q=${encodeURIComponent(q)}`, headers)).body

  describe('a link', () => {
    test.each([
      ['none', undefined, []],
      ['null', null, []],
      ['an empty list', [], []],
      ['several, in their order', ['b', 'a', 'Ü 3'], ['b', 'a', 'Ü 3']],
      ['blanks around them', [' a ', '\u00a0b\n'], ['a', 'b']],
      ['two spellings of one letter', ['e\u0301', '\u00e9'], ['\u00e9']],
      ['two cases of one word: the first stays', ['News', 'NEWS', 'news', 'x'], ['News', 'x']],
      ['what other syntaxes use', ['a/b', '"q"', "it's", '{x}', '[y]', 'NULL', '\\', '%', '#1'], undefined],
      ['30', many(30), many(30)],
      ['64 characters', ['x'.repeat(64)], ['x'.repeat(64)]],
    ])('takes %s', async (_, tags, kept = tags) => {
      const made = await create(tags)
      expect(made.tags).toEqual(kept)
      expect(await tagsOf(made.id)).toEqual(kept!)
      expect((await patch(made.id, { tags: null })).body.tags).toEqual([])
      expect((await patch(made.id, { tags })).body.tags).toEqual(tags === undefined ? undefined : kept)
      expect((await server.post('/shorten', { url: original_url, tags })).body.tags).toEqual(kept)
    })

    test.each([
      ['no list', 'a', 'tags'],
      ['a number', [1], 'tags[0]'],
      ['a blank one', ['a', ' '], 'tags[1]'],
      ['a comma', ['a,b'], 'tags[0]'],
      ['a bar', ['a|b'], 'tags[0]'],
      ['a line break', ['a\nb'], 'tags[0]'],
      ['two dots', ['..'], 'tags[0]'],
      ['65 characters', ['x'.repeat(65)], 'tags[0]'],
      ['31', many(31), 'tags'],
      ['thousands', many(5_000), 'tags'],
    ])('refuses %s', async (_, tags, field) => {
      const { id } = await create(['kept'])
      for (const [answer, at] of [
        [await server.post('/urls', { original_url, tags }), field],
        [await patch(id, { tags }), field],
        [await patch(id, { add_tags: tags }), field.replace('tags', 'add_tags')],
        [await patch(id, { remove_tags: tags }), field.replace('tags', 'remove_tags')],
      ] as const)
        expect([answer.status, answer.body.details[0].field]).toEqual([400, at])
      expect(await tagsOf(id)).toEqual(['kept'])
    })

    test.each([
      ['adds', { add_tags: ['c', 'A'] }, ['a', 'B', 'c']],
      ['removes, whatever the case', { remove_tags: ['b', 'unknown'] }, ['a']],
      ['replaces one', { add_tags: ['c'], remove_tags: ['A'] }, ['B', 'c']],
      ['gives a tag another spelling', { add_tags: ['b'], remove_tags: ['B'] }, ['a', 'b']],
      ['replaces all', { tags: ['x', 'X'] }, ['x']],
      ['replaces all, and adds', { tags: ['x'], add_tags: ['y'] }, ['x', 'y']],
      ['clears', { tags: [] }, []],
    ])('%s', async (_, body, tags) => {
      const { id } = await create(['a', 'B'])
      expect((await patch(id, body)).body.tags).toEqual(tags)
      const events = (await server.get(`/urls/${id}/events`)).body
      expect(events.map(({ details }: any) => details.new_value).slice(1)).toEqual([tags])
      await patch(id, body)
      expect((await server.get(`/urls/${id}/events`)).body).toHaveLength(2) // the second changes nothing
    })

    test('has at most 30, also when tags are added one by one and at once', async () => {
      const { id } = await create(many(29))
      const answers = await Promise.all(['x', 'y', 'z'].map((tag) => patch(id, { add_tags: [tag] })))
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400])
      expect(answers.find(({ status }) => status === 400)!.body.details[0].field).toBe('tags')
      expect(await tagsOf(id)).toHaveLength(30)
    })

    test('loses them when it is deleted or purged, and its redirect never notices them', async () => {
      const [deleted, purged, kept] = [await create(['bye']), await create(['bye']), await create(['bye'], { short_code: 'bye' })]
      await server.call('DELETE', `/urls/${deleted.id}`)
      await server.call('DELETE', `/urls/${purged.id}?purge=true`)
      expect(await listed('bye')).toMatchObject([{ name: 'bye', links: 1 }])
      const versions = () =>
        server.database.run(
          (sql) => sql`select version, tags from urls where id in (${deleted.id}, ${purged.id}, ${kept.id}) order by id`,
        )
      await patch(kept.id, { tags: ['hello'] })
      expect((await versions()).map(({ version, tags }) => [version, tags])).toEqual([
        [2, []],
        [2, []],
        [1, ['hello']],
      ])
    })
  })

  describe('a list', () => {
    const ids: Record<string, number> = {}
    beforeAll(async () => {
      for (const [name, tags] of Object.entries({ red: ['f-Red'], blue: ['f-blue', 'f-x'], both: ['F-RED', 'f-blue'], none: [] }))
        ids[name] = (await create(tags, { title: 'filtered' })).id
    })

    test.each([
      ['one tag', 'tag=f-red', ['red', 'both']],
      ['its case', 'tag=F-rED', ['red', 'both']],
      ['all', 'tag=f-red&tag=f-blue', ['both']],
      ['all, in one parameter', 'tag=f-red, f-blue,', ['both']],
      ['all, by name', 'tag=f-red&tag=f-blue&tags=all', ['both']],
      ['any', 'tag=f-red&tag=f-x&tags=any', ['red', 'blue', 'both']],
      ['none of one', 'tag=f-red&tags=none&q=filtered', ['blue', 'none']],
      ['none of two', 'tag=f-red&tag=f-x&tags=none&q=filtered', ['none']],
      ['an unknown one', 'tag=f-unknown', []],
      ['none of an unknown one', 'tag=f-unknown&tags=none&q=filtered', ['red', 'blue', 'both', 'none']],
      ['no tag at all', 'tag=&q=filtered', ['red', 'blue', 'both', 'none']],
      ['other filters too', 'tag=f-red&tag=f-blue&tags=any&is_active=true&state=active', ['red', 'blue', 'both']],
      ['blanks and encoding', 'tag=%20f-r%65d+', ['red', 'both']],
    ])('is filtered by %s', async (_, query, names) => {
      expect(await found(query)).toEqual(names.map((name) => ids[name]!))
      const { headers, text } = await server.get(`/api/export/links.csv?${query}`)
      expect([headers.get('content-type'), text.trimEnd().split('\r\n').length - 1]).toEqual([
        expect.stringContaining('csv'),
        names.length,
      ])
      expect((await server.get(`/urls?${query}`)).headers.get('x-total-count')).toBe(String(names.length))
    })

    test.each([
      ['tags=some&tag=x', 'tags'],
      ['tag=a&tag=b%7Cc', 'tag[1]'],
      ['tag=a%00b', 'tag'],
      [
        many(31)
          .map((tag) => `tag=${tag}`)
          .join('&'),
        'tag',
      ],
    ])('refuses %s', async (query, field) => {
      for (const path of ['/urls', '/api/export/links.csv']) {
        const { status, body } = await server.get(`${path}?${query}`)
        expect([status, body.details[0].field]).toEqual([400, field])
      }
    })

    test('of tags has each once, with the links and clicks of all its spellings, as the oldest link spells it', async () => {
      const links = [
        await create(['count-Me', 'count-2']),
        await create(['COUNT-me']),
        await create(['count-me'], { is_active: false }),
      ]
      for (const { short_code } of links.slice(0, 2)) await server.get(`/${short_code}`)
      await server.settled('/api/tags')
      const last_click = expect.stringMatching(/^20.*Z$/)
      expect(await listed('count-')).toEqual([
        { name: 'count-2', links: 1, clicks: 1, bots: 1, last_click },
        { name: 'count-Me', links: 3, clicks: 2, bots: 2, last_click },
      ])
      const { body, headers } = await server.get('/api/tags?q=COUNT-&per_page=1&page=2')
      expect([body.length, body[0].name, headers.get('x-total-count')]).toEqual([1, 'count-Me', '2'])
      expect(headers.get('link')).toContain('rel="prev"')
      expect(headers.has('x-next-cursor')).toBe(false)
    })
  })

  test('a CSV file carries tags, out and in', async () => {
    const rows = [
      'short_code,original_url,tags',
      'csv-1,https://example.com/,a| Ü |A|',
      'csv-2,https://example.com/,',
      `csv-3,https://example.com/,'=x|"y"`,
    ]
    rows[3] = `csv-3,https://example.com/,"'=x|""y"""`
    expect((await server.post('/urls/bulk', csv(rows.join('\n')))).body).toEqual({ imported: 3, count: 3 })
    const tags = async (code: string) => (await server.get(`/urls?code=${code}`)).body[0].tags
    expect([await tags('csv-1'), await tags('csv-2'), await tags('csv-3')]).toEqual([['a', 'Ü'], [], ['=x', '"y"']])
    const { text } = await server.get('/api/export/links.csv?q=csv-&guard=1')
    const cells = text.split('\r\n').map((line) => line.match(/("([^"]|"")*"|[^,]*),[^,]*,[^,]*,[^,]*$/)?.[1])
    expect(cells.slice(0, 4)).toEqual(['tags', 'a|Ü', '', `"'=x|""y"""`])

    for (const [cell, message] of [
      ['"a,b"', 'must not contain a comma'],
      ['x'.repeat(65), 'must have 1 to 64 characters'],
      [many(31).join('|'), 'must be at most 30'],
    ] as const) {
      const { status, body } = await server.post('/urls/bulk', csv(`original_url,tags\nhttps://example.com/,${cell}`))
      expect([status, body.error]).toEqual([400, expect.stringContaining(message)])
    }
  })

  describe('a tag', () => {
    const rename = (tag: string, name: string, headers = {}) =>
      server.call('PUT', `/api/tags/${encodeURIComponent(tag)}`, { name }, headers)

    test('is renamed on all its links, in its place', async () => {
      const [one, two] = [await create(['x', 'Old/1', 'y']), await create(['OLD/1'])]
      expect((await rename('old/1', 'new 1')).body).toEqual({ name: 'new 1', links: 2 })
      expect([await tagsOf(one.id), await tagsOf(two.id)]).toEqual([['x', 'new 1', 'y'], ['new 1']])
      expect(await listed('old/1')).toEqual([])
      const { details } = (await server.get(`/urls/${one.id}/events?order=desc`)).body[0]
      expect(details).toEqual({
        field: 'tags',
        old_value: ['x', 'Old/1', 'y'],
        new_value: ['x', 'new 1', 'y'],
        by: 'admin-token',
      })
      const [event] = (await server.get('/events?event_type=tag_renamed&order=desc')).body
      expect(event).toMatchObject({ url_id: null, details: { tag: 'old/1', name: 'new 1', by: 'admin-token' } })
    })

    test('gets another spelling, and links that have it already stay as they are', async () => {
      const { id } = await create(['spelled', 'z'])
      expect((await rename('spelled', 'SPELLED')).body).toEqual({ name: 'SPELLED', links: 1 })
      expect((await rename('spelled', 'SPELLED')).body).toEqual({ name: 'SPELLED', links: 0 })
      expect(await tagsOf(id)).toEqual(['SPELLED', 'z'])
    })

    test('merges into one that exists', async () => {
      const [a, b, both] = [await create(['m-a']), await create(['M-B']), await create(['m-a', 'between', 'm-b'])]
      expect((await rename('m-a', 'm-b')).body.links).toBe(2)
      expect([await tagsOf(a.id), await tagsOf(b.id), await tagsOf(both.id)]).toEqual([['m-b'], ['M-B'], ['m-b', 'between']])
      expect(await listed('m-b')).toMatchObject([{ links: 3 }])
    })

    test('is renamed on more links than one chunk has', async () => {
      await fill(server.database, 'chunk-', 2_500, `'{chunked}'`)
      expect((await rename('chunked', 'in chunks')).body.links).toBe(2_500)
      expect((await server.get('/urls?tag=in chunks')).headers.get('x-total-count')).toBe('2500')
    })

    test('is removed from its links', async () => {
      const { id } = await create(['stays', 'Goes'])
      expect((await server.call('DELETE', '/api/tags/goes')).status).toBe(204)
      expect(await tagsOf(id)).toEqual(['stays'])
      expect(await listed('goes')).toEqual([])
    })

    test.each([
      ['GET', '/api/tags/no-such/stats', undefined, 404],
      ['PUT', '/api/tags/no-such', { name: 'x' }, 404],
      ['DELETE', '/api/tags/no-such', undefined, 404],
      ['PUT', '/api/tags/no-such', {}, 400],
      ['PUT', '/api/tags/no-such', { name: 'a|b' }, 400],
      ['PUT', '/api/tags/a%7Cb', { name: 'a' }, 400],
      ['GET', '/api/tags/x/stats?tz=Nowhere', undefined, 400],
      ['POST', '/api/tags', {}, 405],
    ])('%s %s %p gets %d', async (method, path, body, status) => {
      expect((await server.call(method, path, body)).status).toBe(status)
    })

    test('has the statistics of its links together, folded or not', async () => {
      type Click = { link: number; at: number; referrer: string; bot: boolean }
      const day = 86_400_000
      const click = fc.record({
        link: fc.integer({ min: 0, max: 3 }),
        at: fc.integer({ min: Date.now() - 100 * day, max: Date.now() - 1_000 }),
        referrer: fc.integer({ min: 0, max: 14 }).map((n) => `host${n}.example`),
        bot: fc.boolean(),
      })
      let run = 0
      await fc.assert(
        fc.asyncProperty(fc.array(click, { minLength: 1, maxLength: 25 }), fc.boolean(), async (clicks: Click[], folded) => {
          const tag = `sum-${run++}`
          const links = [
            await create([tag]),
            await create([tag.toUpperCase()]),
            await create([tag, 'other']),
            await create(['other']),
          ]
          for (const { link, at, referrer, bot } of clicks)
            await server.post('/events', {
              event_type: 'click',
              url_id: links[link].id,
              timestamp: new Date(at).toISOString(),
              details: { referrer, bot, browser: 'Firefox' },
            })
          if (folded) await foldClicks(server.database)
          const query = `tz=Asia/Kolkata&from=${new Date(Date.now() - 40 * day).toISOString().slice(0, 10)}&to=${new Date().toISOString().slice(0, 10)}`
          const all = (await server.get(`/api/tags/${tag}/stats?${query}`)).body
          const each = await Promise.all(
            links.slice(0, 3).map(async ({ id }) => (await server.get(`/urls/${id}/stats?${query}`)).body),
          )
          const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0)
          expect([all.tag, all.links]).toEqual([tag, 3])
          for (const name of ['clicks', 'bots']) expect(all[name]).toBe(sum(each.map((one) => one[name])))
          expect(all.last_click).toBe(each.map((one) => one.last_click).sort((a, b) => ((a ?? '') < (b ?? '') ? 1 : -1))[0])
          for (const unit of ['by_hour', 'by_day'])
            expect(all[unit]).toEqual(
              each[0][unit].map(({ start }: any, place: number) => ({
                start,
                clicks: sum(each.map((one) => one[unit][place].clicks)),
                bots: sum(each.map((one) => one[unit][place].bots)),
              })),
            )
          const inAll = sum(all.by_day.map((bucket: any) => bucket.clicks))
          expect(all.referrers.length).toBeLessThanOrEqual(11)
          // Breakdowns have UTC days, which may have more than the days of the zone.
          expect(sum(all.referrers.map((one: any) => one.clicks))).toBeGreaterThanOrEqual(inAll)
          expect(sum(all.referrers.map((one: any) => one.clicks))).toBe(
            sum(each.flatMap((one) => one.referrers.map((row: any) => row.clicks))),
          )
          expect(all.browsers).toEqual(inAll > 0 ? [expect.objectContaining({ value: 'Firefox' })] : expect.anything())
        }),
        { seed, numRuns: 6 },
      )
    })

    test('of more links than are counted at once is counted as well', async () => {
      await fill(server.database, 'many-', 10_500, `array['Many', 'many-' || n % 3]`)
      await server.database.run(
        (sql) => sql`insert into link_totals (url_id, clicks, bots) select id, 2, 1 from urls where short_code like 'many-%'`,
      )
      const { status, body, headers } = await server.get('/api/tags?q=many')
      expect([status, body.error]).toEqual([200, undefined])
      expect(body.map(({ name, links, clicks, bots }: any) => [name, links, clicks, bots])).toEqual([
        ['Many', 10_500, 21_000, 10_500],
        ...[0, 1, 2].map((n) => [`many-${n}`, 3_500, 7_000, 3_500]),
      ])
      expect(headers.has('x-total-exact')).toBe(false)
      expect((await server.get('/api/tags/many/stats')).body).toMatchObject({ links: 10_500, clicks: 21_000, bots: 10_500 })
      // Now the last count is shown, until it is renewed in the background; a renamed tag is counted again at once.
      await create(['a-later-one'])
      await until('the later one is counted', async () => (await listed('a-later-one')).length === 1)
      await rename('a-later-one', 'a-last-one')
      expect(await listed('a-last-one')).toHaveLength(1)
    })

    test('beyond the 10,000th is left out, and the answer says so', async () => {
      const database = await kind.open()
      await fill(database, 'x', 10_001, `array['tag ' || n]`)
      const { tags, whole } = await tagCounts(database).all(undefined)
      expect([tags.length, whole]).toEqual([10_000, false])
      await database.close()
    })
  })

  describe('a key bound to a tag', () => {
    const make = async (only_tag: string, more: object = {}) => {
      const { status, body } = await server.post('/api/keys', { name: 'a team', scope: 'write', only_tag, ...more })
      expect(status).toBe(201)
      return { ...body, headers: { authorization: `Bearer ${body.key}` } }
    }

    test.each([
      ['a tag that is none', { only_tag: 'a,b' }, 'only_tag'],
      ['an empty one', { only_tag: '' }, 'only_tag'],
      ['scope admin', { only_tag: 'x', scope: 'admin' }, 'scope'],
      ['scope metrics', { only_tag: 'x', scope: 'metrics' }, 'scope'],
    ])('is refused with %s', async (_, body, field) => {
      const answer = await server.post('/api/keys', { name: 'n', scope: 'read', ...body })
      expect([answer.status, answer.body.details[0].field]).toEqual([400, field])
    })

    test('says so, and is a hash that no earlier release looks up', async () => {
      const { id, key, headers, only_tag } = await make(' Team Ä ')
      expect(only_tag).toBe('Team Ä')
      expect((await server.get('/api/session', headers)).body).toMatchObject({
        scope: 'write',
        user_id: null,
        only_tag: 'Team Ä',
      })
      const [row] = await server.database.run((sql) => sql`select encode(hash, 'hex') as hash from api_keys where id = ${id}`)
      expect(row!.hash).not.toBe(new Bun.CryptoHasher('sha256').update(key).digest('hex'))
      expect((await server.get('/events?event_type=key_created&order=desc')).body[0].details.only_tag).toBe('Team Ä')
    })

    test('gives its tag to links that it creates, and cannot remove it', async () => {
      const { headers } = await make('Crew')
      const made = (await server.post('/urls', { original_url, tags: ['a', 'CREW'] }, headers)).body
      expect(made.tags).toEqual(['a', 'CREW'])
      const shortened = (await server.post('/shorten', { url: original_url }, headers)).body
      expect(shortened.tags).toEqual(['Crew'])
      expect(await found('', headers)).toEqual([made.id, shortened.id])
      expect((await patch(made.id, { tags: ['b'] }, headers)).body.tags).toEqual(['b', 'Crew'])
      expect((await patch(made.id, { tags: null }, headers)).body.tags).toEqual(['Crew'])
      expect((await patch(made.id, { add_tags: ['crew', 'c'] }, headers)).body.tags).toEqual(['Crew', 'c'])
      for (const [method, path, body] of [
        ['PATCH', `/urls/${made.id}`, { remove_tags: ['CREW'] }],
        ['PUT', '/api/tags/crew', { name: 'else' }],
        ['DELETE', '/api/tags/CREW', undefined],
      ] as const)
        expect((await server.call(method, path, body, headers)).status).toBe(403)
      expect((await server.post('/urls', { original_url, tags: many(30) }, headers)).body.details[0].field).toBe('tags')
    })

    test('sees the tags and clicks of its own links only, and renames tags on them only', async () => {
      const { headers } = await make('squad')
      const [own, other] = [await create(['squad', 'shared']), await create(['shared'])]
      for (const { short_code } of [own, other]) await server.get(`/${short_code}`)
      await server.settled('/api/tags')
      expect(await listed('', headers)).toMatchObject([
        { name: 'shared', links: 1, clicks: 1 },
        { name: 'squad', links: 1 },
      ])
      expect((await server.get('/api/tags/shared/stats', headers)).body).toMatchObject({ links: 1, clicks: 1 })
      expect((await server.call('PUT', '/api/tags/shared', { name: 'ours' }, headers)).body.links).toBe(1)
      expect([await tagsOf(own.id), await tagsOf(other.id)]).toEqual([['squad', 'ours'], ['shared']])
    })

    test('writes events of its links only, and belongs to no user', async () => {
      const { headers } = await make('writers')
      const { id } = (await server.post('/urls', { original_url }, headers)).body
      expect((await server.post('/events', { event_type: 'note', url_id: id }, headers)).status).toBe(201)
      const without = await server.post('/events', { event_type: 'note' }, headers)
      expect([without.status, without.body.details[0].field]).toEqual([400, 'url_id'])
      const user = (await server.post('/users', { username: 'somebody', email: 'somebody@example.com' })).body
      const named = await server.post('/urls', { original_url, user_id: user.id }, headers)
      expect([named.status, named.body.details[0].field]).toEqual([403, 'user_id'])
      expect((await server.get('/users', headers)).body).toEqual([])
    })

    test('may be bound to a user as well: both must match', async () => {
      const user = (await server.post('/users', { username: 'both', email: 'both@example.com' })).body
      const { headers } = await make('duo', { user_id: user.id })
      const ids = [
        await create(['duo'], { user_id: user.id }),
        await create(['duo']),
        await create([], { user_id: user.id }),
      ].map(({ id }) => id)
      expect(await found('', headers)).toEqual([ids[0]])
      expect((await server.get('/users', headers)).body).toMatchObject([{ id: user.id }])
      expect((await server.post('/urls', { original_url }, headers)).body).toMatchObject({ user_id: user.id, tags: ['duo'] })
    })

    test('follows its tag when the tag is renamed', async () => {
      const { id, headers } = await make('before')
      const link = await create(['before'])
      await server.call('PUT', '/api/tags/before', { name: 'After' })
      expect(await found('', headers)).toEqual([link.id]) // at once: the answer waited for the policy
      const key = (await server.get('/api/keys?order=desc&per_page=100')).body.find((one: { id: number }) => one.id === id)
      expect(key.only_tag).toBe('After')
    })
  })
})
