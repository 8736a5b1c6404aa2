// Aliases: each code that a link ever had leads where the link leads, counts for it, and is its own for ever.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Database } from '../src/database/guard.ts'
import { type Target, targetColumns } from '../src/redirect/target.ts'
import { randomFrom } from '../survive/random.ts'
import { databases } from './databases.ts'
import { printedSeed } from './seed.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const ADMIN_TOKEN = 'an-operators-long-token'
const csv = (text: string) => {
  const form = new FormData()
  form.append('file', new File([text], 'urls.csv'))
  return form
}

describe.each(databases)('aliases on the $name database', (kind) => {
  let server: TestServer
  let other: TestServer | undefined
  let made = 0
  beforeAll(async () => {
    const settings = await kind.settings()
    const here = { ...kind, settings: async () => settings }
    server = await serveOn(here, { ADMIN_TOKEN, ...UNLIMITED })
    if (kind.name === 'external') other = await serveOn(here, { ADMIN_TOKEN, ...UNLIMITED, SECOND_TIER: 'none' })
  })
  afterAll(() => Promise.all([server?.stop(), other?.stop()]))

  const link = async (more: Record<string, unknown> = {}) =>
    (await server.post('/urls', { original_url: `https://example.com/${++made}`, short_code: `link-${made}`, ...more })).body
  const visit = async (code: string, of = server) => {
    const { status, headers } = await of.get(`/${code}`, { authorization: '' })
    return headers.get('location') ?? status
  }
  const add = (id: number, code: string) => server.post(`/urls/${id}/aliases`, { code })
  const remove = (id: number, code: string) => server.call('DELETE', `/urls/${id}/aliases/${encodeURIComponent(code)}`)
  const patch = (id: number, change: Record<string, unknown>) => server.call('PATCH', `/urls/${id}`, change)
  const aliases = async (id: number) => (await server.get(`/urls/${id}`)).body.aliases
  /** Both replicas answer alike, the other one as soon as it has heard of it. */
  async function lead(answers: Record<string, string | number>) {
    const codes = Object.keys(answers)
    expect(Object.fromEntries(await Promise.all(codes.map(async (code) => [code, await visit(code)])))).toEqual(answers)
    if (other)
      for (const code of codes)
        await until(`the other replica knows of ${code}`, async () => (await visit(code, other)) === answers[code])
  }

  test('lead where the link leads, and are listed with it', async () => {
    const { id, original_url, short_code } = await link()
    const { status, body } = await add(id, 'also-1')
    expect([status, body]).toEqual([201, { code: 'also-1', short_url: `${server.base}/also-1`, created_at: expect.any(String) }])
    expect((await add(id, 'also-2')).status).toBe(201)
    await lead({ [short_code]: original_url, 'also-1': original_url, 'also-2': original_url })
    expect(await aliases(id)).toEqual(['also-1', 'also-2'])
    expect((await server.get(`/urls/${id}/aliases`)).body).toEqual([body, expect.objectContaining({ code: 'also-2' })])
    const { body: preview } = await server.get('/also-1+')
    expect(preview).toMatchObject({ short_code: 'also-1', original_url })
  })

  test('follow each change of the link: its target, its state, its rules, and its deletion', async () => {
    const { id, short_code: code } = await link()
    await add(id, 'follows')
    const both = (answer: string | number) => lead({ [code]: answer, follows: answer })
    await patch(id, { original_url: 'https://example.com/ü' })
    await both('https://example.com/%C3%BC')
    await patch(id, { is_active: false })
    await both(404)
    await patch(id, { is_active: true, valid_until: '2020-01-01T00:00:00Z', expired_url: 'https://example.com/over' })
    await both('https://example.com/over')
    await patch(id, { valid_until: null })
    await both('https://example.com/ü'.replace('ü', '%C3%BC'))
    await patch(id, { valid_from: '2085-01-01T00:00:00Z' })
    await both(404)
    await server.call('DELETE', `/urls/${id}`)
    await both(404)
    for (const short_code of [code, 'follows'])
      expect(await server.post('/urls', { original_url: 'https://example.com', short_code })).toMatchObject({ status: 409 })
  })

  test('clicks count for the link, whichever code was used', async () => {
    const { id, short_code } = await link()
    await add(id, 'counted')
    for (const code of [short_code, 'counted', 'counted']) await visit(code)
    if (other) await until('the other replica knows', async () => (await visit('counted', other)) !== 404)
    await until('all are counted', async () => (await server.settled(`/urls/${id}/stats`)).body.clicks === (other ? 4 : 3))
    const { body: stats } = await server.get('/urls/counted/stats')
    expect([stats.id, stats.short_code]).toEqual([id, short_code])
    expect((await server.get('/urls?code=counted')).body).toMatchObject([{ id, short_code, click_count: stats.clicks }])
    expect((await server.get(`/urls?q=${encodeURIComponent(`${server.base}/counted`)}`)).body).toMatchObject([{ id }])
  })

  test('share the limit of clicks', async () => {
    const browser = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' }
    const { id, short_code } = await link({ max_clicks: 3 })
    await add(id, 'limited')
    const statuses: number[] = []
    for (const code of [short_code, 'limited', 'limited', 'limited', short_code])
      statuses.push((await server.get(`/${code}`, browser)).status)
    expect(statuses).toEqual([302, 302, 302, 410, 410])
  })

  test('are in no list, total, export or search, and have no id of their own', async () => {
    const { id, short_code } = await link({ title: 'only once' })
    const before = (await server.get('/urls')).headers.get('x-total-count')
    await add(id, 'unlisted')
    expect((await server.get('/urls')).headers.get('x-total-count')).toBe(before)
    expect((await server.get('/urls?q=only once')).body.map((one: { short_code: string }) => one.short_code)).toEqual([
      short_code,
    ])
    expect((await server.get('/urls?per_page=100&order=desc')).body[0]).toMatchObject({ id, short_code })
    expect((await server.get('/api/export/links.csv')).text.match(/^.*unlisted.*$/gm)).toEqual([
      expect.stringContaining(`,${short_code},`),
    ])
    for (const path of ['', '/stats', '/events', '/aliases'])
      expect((await server.get(`/urls/${id + 1}${path}`)).status).toBe(404)
    expect((await patch(id + 1, { title: 'x' })).status).toBe(404)
    for (const query of ['', '?purge=true', '?soft=true'])
      expect((await server.call('DELETE', `/urls/${id + 1}${query}`)).status).toBe(404)
    expect((await server.post('/events', { event_type: 'note', url_id: id + 1 })).status).toBe(404)
    expect((await add(id + 1, 'of-an-alias')).status).toBe(404)
    const { body: trends } = await server.get(`/api/trends?ids=${id},${id + 1}`)
    expect(trends.map((trend: { id: number }) => trend.id)).toEqual([id])
  })

  test('a removed one leads nowhere, is not issued to another link, and can be restored', async () => {
    const one = await link()
    const two = await link()
    await add(one.id, 'taken-off')
    expect((await remove(two.id, 'taken-off')).status).toBe(404)
    expect((await remove(one.id, one.short_code)).status).toBe(404)
    expect((await remove(one.id, 'taken-off')).status).toBe(204)
    expect((await remove(one.id, 'taken-off')).status).toBe(404)
    await lead({ 'taken-off': 404, [one.short_code]: one.original_url })
    await patch(one.id, { original_url: 'https://example.com/since' })
    await lead({ 'taken-off': 404 })
    expect(await aliases(one.id)).toEqual([])
    expect((await add(two.id, 'taken-off')).status).toBe(409)
    expect((await server.post('/urls', { original_url: 'https://example.com', short_code: 'taken-off' })).status).toBe(409)
    expect((await patch(two.id, { short_code: 'taken-off' })).status).toBe(409)
    expect((await add(one.id, 'taken-off')).status).toBe(201)
    await lead({ 'taken-off': 'https://example.com/since' })
  })

  test('a renamed link keeps its old code, back and forth', async () => {
    const { id, original_url } = await link({ short_code: 'first-name' })
    for (let n = 0; n < 5; n++) await patch(id, { title: `${n}`, is_active: n % 2 === 0 }) // many versions of the code
    const renamed = await patch(id, { short_code: 'second-name', original_url: 'https://example.com/renamed' })
    expect(renamed).toMatchObject({
      status: 200,
      body: { id, short_code: 'second-name', short_url: `${server.base}/second-name`, aliases: ['first-name'] },
    })
    await lead({ 'first-name': 'https://example.com/renamed', 'second-name': 'https://example.com/renamed' })
    expect(await patch(id, { short_code: 'third-name' })).toMatchObject({ body: { aliases: ['first-name', 'second-name'] } })
    expect(await patch(id, { short_code: 'first-name' })).toMatchObject({
      body: { short_code: 'first-name', aliases: ['third-name', 'second-name'] },
    })
    await patch(id, { original_url })
    await lead({ 'first-name': original_url, 'second-name': original_url, 'third-name': original_url })
    expect((await remove(id, 'second-name')).status).toBe(204)
    await patch(id, { short_code: 'second-name' }) // a removed one comes back as the code of its link
    await lead({ 'first-name': original_url, 'second-name': original_url, 'third-name': original_url })
    expect((await server.get('/urls/first-name/stats')).body).toMatchObject({ id, short_code: 'second-name' })
    const events = (await server.get(`/urls/${id}/events?per_page=100`)).body as {
      event_type: string
      details: Record<string, string>
    }[]
    expect(
      events.flatMap(({ event_type, details }) =>
        details.field === 'short_code'
          ? [details.new_value]
          : event_type.startsWith('alias')
            ? [`${event_type} ${details.code}`]
            : [],
      ),
    ).toEqual(['second-name', 'third-name', 'first-name', 'alias_removed second-name', 'second-name'])
  })

  test('a whole link can be sent back', async () => {
    const { id } = await link()
    const whole = (await server.get(`/urls/${id}`)).body
    expect(await patch(id, { ...whole, title: 'changed' })).toMatchObject({
      status: 200,
      body: { title: 'changed', aliases: [] },
    })
    expect(await patch(id, { short_code: null, title: 'again' })).toMatchObject({
      status: 200,
      body: { title: 'again', aliases: [] },
    })
  })

  test.each([
    ['x', 'short_code'],
    ['with space', 'short_code'],
    ['brand/new', 'short_code'],
    ['urls', 'short_code'],
    ['123', 'short_code'],
    ['', 'short_code'],
    [7, 'short_code'],
  ])('%p names nothing', async (code, field) => {
    const { id } = await link()
    const bad = await patch(id, { short_code: code })
    expect([bad.status, bad.body.details[0].field]).toEqual([400, field])
    const worse = await server.post(`/urls/${id}/aliases`, { code })
    expect([worse.status, worse.body.details[0].field]).toEqual([400, 'code'])
  })

  test('a code that any link has is taken', async () => {
    const one = await link()
    const two = await link()
    await add(one.id, 'of-one')
    for (const code of [one.short_code, 'of-one']) {
      expect(await add(two.id, code)).toMatchObject({ status: 409, body: { error: 'this code is already taken' } })
      expect(await patch(two.id, { short_code: code })).toMatchObject({
        status: 409,
        body: { details: [{ field: 'short_code' }] },
      })
      expect(await add(one.id, code)).toMatchObject({ status: 409, body: { error: 'this link has this code already' } })
    }
    expect(await aliases(two.id)).toEqual([])
  })

  test('of requests that race for a code, one gets it', async () => {
    const links = await Promise.all(Array.from({ length: 16 }, () => link()))
    const answers = await Promise.all([
      ...links.map(({ id }, n) => (n % 2 === 0 ? add(id, 'raced') : patch(id, { short_code: 'raced' }))),
      ...links.map(() => server.post('/urls', { original_url: 'https://example.com/raced', short_code: 'raced' })),
    ])
    const winners = answers.filter(({ status }) => status < 300)
    expect([winners.length, answers.filter(({ status }) => status === 409).length]).toEqual([1, answers.length - 1])
  })

  test('renames, additions and changes that race leave each code with the newest target', async () => {
    const { id } = await link()
    const names = Array.from({ length: 12 }, (_, n) => `racing-${n}`)
    const answers = await Promise.all([
      ...names.slice(0, 6).map((short_code) => patch(id, { short_code })),
      ...names.slice(6).map((code) => add(id, code)),
      ...names.map((_, n) => patch(id, { original_url: `https://example.com/racing/${n}` })),
    ])
    expect(answers.map(({ status }) => status).filter((status) => status >= 300)).toEqual([])
    const { body } = await server.get(`/urls/${id}`)
    expect([body.short_code, ...body.aliases].filter((code) => code.startsWith('racing')).toSorted()).toEqual(names.toSorted())
    await lead(Object.fromEntries([body.short_code, ...body.aliases].map((code) => [code, body.original_url])))
  })

  test('are at most 100', async () => {
    const { id } = await link()
    const statuses = await Promise.all(Array.from({ length: 110 }, async (_, n) => (await add(id, `many-${n}`)).status))
    expect([statuses.filter((status) => status === 201).length, statuses.filter((status) => status === 409).length]).toEqual([
      100, 10,
    ])
    expect(await patch(id, { short_code: 'one-more' })).toMatchObject({
      status: 409,
      body: { error: expect.stringContaining('100') },
    })
  })

  test('a bound key sees and changes only those of its user’s links', async () => {
    const { body: user } = await server.post('/users', { username: 'owner', email: 'owner@example.com' })
    const mine = await link({ user_id: user.id })
    const foreign = await link()
    await add(foreign.id, 'foreign')
    const { key } = (await server.post('/api/keys', { name: 'bound', scope: 'write', user_id: user.id })).body
    const as = { authorization: `Bearer ${key}` }
    const call = (method: string, path: string, body?: unknown) =>
      server.call(method, path, body, as).then(({ status }) => status)
    expect(await call('POST', `/urls/${mine.id}/aliases`, { code: 'mine' })).toBe(201)
    expect(await call('GET', `/urls/${mine.id}/aliases`)).toBe(200)
    for (const path of ['mine', 'foreign']) expect(await call('GET', `/urls?code=${path}`)).toBe(200)
    expect((await server.get('/urls?code=foreign', as)).body).toEqual([])
    expect(await call('GET', `/urls/${foreign.id}/aliases`)).toBe(404)
    expect(await call('POST', `/urls/${foreign.id}/aliases`, { code: 'not-mine' })).toBe(404)
    expect(await call('DELETE', `/urls/${foreign.id}/aliases/foreign`)).toBe(404)
    expect(await call('GET', '/urls/foreign/stats')).toBe(404)
  })

  test('are erased with a purged link, and with a deleted user', async () => {
    const one = await link()
    await add(one.id, 'purged-too')
    await server.call('DELETE', `/urls/${one.id}?purge=true`)
    const { body: user } = await server.post('/users', { username: 'leaver', email: 'leaver@example.com' })
    const two = await link({ user_id: user.id })
    await add(two.id, 'left-too')
    await lead({ 'left-too': two.original_url })
    expect((await server.call('DELETE', `/users/${user.id}`)).status).toBe(204)
    await lead({ 'purged-too': 404, 'left-too': 404, [one.short_code]: 404, [two.short_code]: 404 })
    expect((await server.get('/urls/purged-too/stats')).status).toBe(404)
  })

  test('follow changes of many links, and are not found as links again', async () => {
    const links = await Promise.all(
      Array.from({ length: 3 }, (_, n) => link({ title: 'many', original_url: `https://example.com/many/${n}` })),
    )
    for (const { id, short_code } of links) await add(id, `${short_code}-too`)
    const bulk = (method: string, body: Record<string, unknown>) =>
      server.call(method, '/urls/bulk', { filter: { q: 'many' }, ...body })
    expect((await bulk('PATCH', { set: { original_url: 'https://example.com/all' } })).body).toMatchObject({
      matched: 3,
      changed: 3,
    })
    await lead(Object.fromEntries(links.map(({ short_code }) => [`${short_code}-too`, 'https://example.com/all'])))
    expect((await bulk('PATCH', { set: { short_code: 'one-for-all' } })).status).toBe(400)
    const same = await server.post('/urls', { original_url: 'https://example.com/all', title: 'many', reuse: true })
    expect([same.status, links.map(({ id }) => id).includes(same.body.id)]).toEqual([200, true])
    expect((await server.get('/urls?target=https://example.com/all')).body).toHaveLength(3)
    expect((await server.get('/urls?sort=clicks&q=many')).body).toHaveLength(3)
    expect((await bulk('DELETE', {})).body).toMatchObject({ matched: 3, changed: 3 })
    await lead(Object.fromEntries(links.map(({ short_code }) => [`${short_code}-too`, 404])))
  })

  test('travel with an export and an import', async () => {
    const { id, original_url } = await link({ title: 'travels' })
    for (const code of ['travels-1', '-travels-2']) await add(id, code)
    const { text } = await server.get('/api/export/links.csv?guard=true&q=travels')
    const there = await serveOn(kind, { ADMIN_TOKEN, ...UNLIMITED })
    for (let times = 0; times < 2; times++)
      expect(await there.post('/urls/bulk', csv(text))).toMatchObject({ status: 201, body: { imported: 1 } })
    const [found] = (await there.get('/urls?q=travels')).body
    expect((await there.get(`/urls/${found.id}`)).body.aliases).toEqual(['travels-1', '-travels-2'])
    for (const code of ['travels-1', '-travels-2']) expect(await visit(code, there)).toBe(original_url)
    expect((await there.get('/urls')).headers.get('x-total-count')).toBe('1')
    const more = (rows: string) => there.post('/urls/bulk', csv(`short_code,original_url,aliases\n${rows}\n`))
    expect(await more('more,https://example.com/more,more-1 für/more.2')).toMatchObject({ status: 201 })
    await until('the edge copy has it', async () => (await visit('f%C3%BCr/more.2', there)) === 'https://example.com/more')
    for (const [rows, message] of [
      ['new,https://example.com/new,travels-1', 'row 2, column aliases: has travels-1, which is taken by another link'],
      ['new,https://example.com/new,a b/', 'row 2, column aliases: must not begin or end with a slash'],
      [
        'new,https://example.com/new,x\nother,https://example.com/other,y x',
        'row 3, column aliases: has x, which is also a code of row 2',
      ],
      [`new,https://example.com/new,${'x '.repeat(101)}`, 'row 2, column aliases: must have at most 100 codes'],
      [
        `more,https://example.com/more,${Array.from({ length: 99 }, (_, n) => `many-${n}`).join(' ')}`,
        'a link has at most 100 aliases',
      ],
    ] as const)
      expect([rows, await more(rows)]).toMatchObject([
        rows,
        { status: expect.any(Number), body: { error: expect.stringContaining(message) } },
      ])
    expect((await there.get('/urls')).headers.get('x-total-count')).toBe('2')
    await there.stop()
  })

  test('an import takes an alias for its link, and refuses its code to others', async () => {
    const { id, original_url } = await link()
    await add(id, 'imported-1')
    const file = (target: string) => csv(`short_code,original_url\nimported-1,${target}\n`)
    const before = (await server.get('/urls')).headers.get('x-total-count')
    expect(await server.post('/urls/bulk', file(original_url))).toMatchObject({ status: 201 })
    expect((await server.get('/urls')).headers.get('x-total-count')).toBe(before)
    expect(await server.post('/urls/bulk', file('https://example.com/elsewhere'))).toMatchObject({ status: 400 })
  })
})

describe.each(databases)('rows that SQL writes on the $name database', (kind) => {
  let database: Database
  beforeAll(async () => {
    database = await kind.open()
  })
  afterAll(() => database?.close())

  const write = (statement: string) => database.run((sql) => sql.unsafe(statement))
  const rows = async () =>
    new Map((await database.run((sql) => sql<Target[]>`select ${targetColumns(sql)} from urls u`)).map((row) => [row.code, row]))

  test('keep aliases in step, and each code newer whenever it leads elsewhere', async () => {
    const random = randomFrom(printedSeed('changes of links and aliases'))
    const links = [1, 2, 3]
    await write(
      `insert into urls (id, short_code, original_url) select n, 'own-' || n, 'https://example.com/' from generate_series(1, 3) n`,
    )
    let before = await rows()
    let refused = 0
    for (let n = 0; n < 300; n++) {
      const id = random.of(links)
      const code = random.of(['a', 'b', 'c', 'd', 'e', 'f', 'g', `own-${id}`])
      const step = random.of([
        `update urls set short_code = '${code}' where id = ${id}`,
        `insert into urls (short_code, alias_of) values ('${code}', ${id})`,
        `update urls set original_url = 'https://example.com/${n}' where id = ${id}`,
        `update urls set forward_query = ${random.of(['null', "'add'", "'override'"])}, is_active = ${random.next() < 0.7} where id = ${id}`,
        `update urls set title = '${n}' where id = ${id}`,
        `update urls set deleted_at = now(), is_active = false, original_url = null, location = null where alias_of = ${id} and short_code = '${code}' and deleted_at is null`,
        `update urls set deleted_at = null where alias_of = ${id} and short_code = '${code}'`,
      ])
      await write(step).catch((error) => {
        expect([step, error.code]).toEqual([step, '23505']) // the code is taken
        refused++
      })
      const after = await rows()
      for (const [code, { version, ...row }] of after) {
        const { version: known, ...old } = before.get(code) ?? { version: 0 }
        if (JSON.stringify(row) !== JSON.stringify(old)) expect([step, code, version > known]).toEqual([step, code, true])
        expect([step, code, code.startsWith('/')]).toEqual([step, code, false])
      }
      for (const code of before.keys()) expect([step, code, after.has(code)]).toEqual([step, code, true]) // a code is for ever
      for (const id of links) {
        const alive = [...after.values()].filter((row) => row.id === id && row.location !== null)
        expect([step, new Set(alive.map(({ location, active, extra }) => `${location} ${active} ${extra}`)).size]).toEqual([
          step,
          1,
        ])
      }
      before = after
    }
    expect(refused).toBeGreaterThan(0)
    for (const id of links)
      await write(`update urls set deleted_at = now(), is_active = false, original_url = null, location = null where id = ${id}`)
    for (const [code, row] of await rows()) expect([code, row.location, row.active, row.extra]).toEqual([code, null, false, null])
  })

  test('refuse an alias of something that is not a link', async () => {
    await write(
      `insert into urls (id, short_code, original_url, deleted_at) values (901, 'removed', null, now()), (902, 'there', 'https://example.com/', null)`,
    )
    await write(`insert into urls (id, short_code, alias_of) values (903, 'also-there', 902)`)
    for (const id of [999, 901, 903])
      expect(
        await write(`insert into urls (short_code, alias_of) values ('of-none', ${id})`).catch((error) => error.constraint_name),
      ).toBe('urls_alias_of')
  })
})
