// What links say besides their target: windows, forwarding, and what is refused; on both databases, and without one.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type Child, startChild } from './child.ts'
import { databases } from './databases.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const original_url = 'https://example.com/page?x=1#top'
const PAST = '2020-01-01T00:00:00Z'
const FUTURE = '2080-01-01T00:00:00Z'
const soon = (ms: number) => new Date(Date.now() + ms).toISOString()
const BROWSER = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0' }

describe.each(databases)('on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind, { ...UNLIMITED, PRIVATE_TARGETS: 'refuse', OWN_HOSTS: 'own.example' })
  })
  afterAll(() => server?.stop())

  const make = async (short_code: string, rules: object): Promise<number> => {
    const { status, body } = await server.post('/urls', { original_url, short_code, ...rules })
    expect([short_code, status, body]).toEqual([short_code, 201, expect.anything()])
    return body.id
  }
  const change = async (id: number, body: object) => (await server.call('PATCH', `/urls/${id}`, body)).body
  /** Status and Location of a visit. */
  const visit = async (path: string, method = 'GET') => {
    const { status, headers } = await server.call(method, path, undefined, BROWSER)
    return [status, headers.get('location')]
  }

  test.each<[string, object]>([
    ['valid_from', { valid_from: 'tomorrow' }],
    ['valid_from', { valid_from: '2030-01-01 00:00:00' }],
    ['valid_from', { valid_from: '2030-02-30T00:00:00Z' }],
    ['valid_until', { valid_until: 1_900_000_000 }],
    ['valid_until', { valid_until: PAST }],
    ['valid_until', { valid_from: '2031-01-01T00:00:00Z', valid_until: '2030-01-01T00:00:00Z' }],
    ['valid_until', { valid_from: '2030-01-01T01:00:00+01:00', valid_until: '2030-01-01T00:00:00Z' }],
    ['expires_in', { expires_in: 'soon' }],
    ['expires_in', { expires_in: '0s' }],
    ['expires_in', { expires_in: '1d', valid_until: FUTURE }],
    ['expired_url', { expired_url: 'javascript:alert(1)' }],
    ['expired_url', { expired_url: 'http://10.0.0.1/' }],
    ['expired_url', { expired_url: 'https://own.example/x' }],
    ['max_clicks', { max_clicks: 0 }],
    ['max_clicks', { max_clicks: -1 }],
    ['max_clicks', { max_clicks: 1.5 }],
    ['max_clicks', { max_clicks: 2 ** 53 }],
    ['forward_query', { forward_query: 'yes' }],
    ['forward_path', { forward_path: 'yes' }],
    ['password', { password: '' }],
    ['password', { password: true }],
    ['password', { password: 'x'.repeat(201) }],
    ['confirm', { confirm: 1 }],
    ['noindex', { noindex: 'no' }],
    ['card', { card: 'title' }],
    ['card.image', { card: { image: 'data:image/png;base64,AAAA' } }],
    ['card.title', { card: { title: '' } }],
    ['card.colour', { card: { colour: 'red' } }],
    ['note', { note: 'x'.repeat(2_001) }],
  ])('refuses a wrong %s: %j', async (field, rules) => {
    const { status, body } = await server.post('/urls', { original_url, ...rules })
    expect([status, body.details?.[0].field]).toEqual([400, field])
  })

  test('a link is found from valid_from on, and expires at valid_until', async () => {
    const id = await make('window', { valid_from: soon(2_000), valid_until: FUTURE })
    const unknown = await server.get('/no-such-code')
    const early = await server.get('/window')
    expect([early.status, early.body.error]).toEqual([unknown.status, unknown.body.error])
    expect((await server.get('/window+')).status).toBe(404)
    await until('it has begun', async () => (await visit('/window'))[0] === 302)
    await change(id, { valid_until: soon(500) })
    await until('it has expired', async () => (await visit('/window'))[0] === 410)
    expect((await server.get('/window+')).body).toEqual({
      short_code: 'window',
      original_url: null,
      is_active: true,
      blocked: false,
      state: 'expired',
    })
  })

  test('an expired link leads to its expired_url, keeps its code and its counts, and can be revived', async () => {
    const id = await make('over', { expired_url: 'https://example.org/over', expires_in: '30d' })
    await visit('/over')
    expect(await change(id, { valid_until: PAST })).toMatchObject({ state: 'expired' })
    expect([await visit('/over'), await visit('/over', 'HEAD')]).toEqual([
      [302, 'https://example.org/over'],
      [302, 'https://example.org/over'],
    ])
    expect((await server.post('/urls', { original_url, short_code: 'over' })).status).toBe(409)
    expect((await server.settled(`/urls/${id}`)).body).toMatchObject({ click_count: 1 })
    expect(await change(id, { valid_until: null })).toMatchObject({ state: 'active', valid_until: null })
    expect(await visit('/over')).toEqual([302, original_url])
  })

  test('a change cannot end the window before it begins', async () => {
    const id = await make('window-2', { valid_from: '2030-01-01T00:00:00Z' })
    const { status, body } = await server.call('PATCH', `/urls/${id}`, { valid_until: '2029-01-01T00:00:00Z' })
    expect([status, body.details]).toEqual([400, [{ field: 'valid_until', message: 'must be after valid_from' }]])
  })

  test('each link has one state, by which lists are filtered', async () => {
    await server.post('/api/blocklist', { host: 'blocked.example' })
    const ids = {
      active: await make('s-active', {}),
      scheduled: await make('s-scheduled', { valid_from: FUTURE }),
      expired: await make('s-expired', { valid_from: '2010-01-01T00:00:00Z' }),
      inactive: await make('s-inactive', { is_active: false, valid_from: FUTURE }),
      used_up: await make('s-used-up', { max_clicks: 1 }),
    }
    await change(ids.expired, { valid_until: PAST })
    await visit('/s-used-up')
    await visit('/s-used-up')
    for (const [state, id] of Object.entries(ids)) {
      expect([state, (await server.get(`/urls/${id}`)).body.state]).toEqual([state, state])
      const listed = (await server.get(`/urls?state=${state}&per_page=100`)).body as { id: number; state: string }[]
      expect(listed.map(({ id }) => id)).toContain(id)
      expect(listed.filter((link) => link.state !== state)).toEqual([])
      expect((await server.get(`/api/export/links.csv?state=${state}`)).text).toContain(`s-${state.replace('_', '-')}`)
    }
    expect((await server.get('/urls?state=gone')).body.details[0].field).toBe('state')
  })

  test.each([
    ['off', '/f-off?y=2', original_url],
    ['add', '/f-add?y=2&x=9', 'https://example.com/page?x=1&y=2#top'],
    ['add', '/f-add', original_url],
    ['add', '/f-add?qr', original_url],
    ['add', '/f-add?qr&y=2', 'https://example.com/page?x=1&y=2#top'],
    ['add', '/urls/f-add?y=2', 'https://example.com/page?x=1&y=2#top'],
    ['override', '/f-override?y=2&x=9', 'https://example.com/page?y=2&x=9#top'],
  ])('forward_query %s: %s leads to %s', async (mode, path, expected) => {
    await server.post('/urls', { original_url, short_code: `f-${mode}`, forward_query: mode })
    expect(await visit(path)).toEqual([302, expected])
  })

  test('forward_path leads below the target; without it there is nothing below a code', async () => {
    await make('p-on', { forward_path: true, forward_query: 'add' })
    await make('p-off', { forward_query: 'add' })
    expect(await visit('/p-on/a/b?z=1')).toEqual([302, 'https://example.com/page/a/b?x=1&z=1#top'])
    expect(await visit('/p-on/a', 'HEAD')).toEqual([302, 'https://example.com/page/a?x=1#top'])
    expect(await visit('/p-on')).toEqual([302, original_url])
    expect((await visit('/p-on/%2e%2e/a'))[0]).toBe(404)
    expect((await visit('/p-off/a'))[0]).toBe(404)
    expect((await server.post('/p-on/a')).status).not.toBe(302)
  })

  test('the whole object, sent back, changes nothing', async () => {
    const rules = {
      ...{ valid_from: '2020-01-01T00:00:00Z', valid_until: FUTURE, expired_url: 'https://example.org/', max_clicks: 9 },
      ...{ forward_query: 'override', forward_path: true, password: 'secret', confirm: true, noindex: false },
      ...{ card: { title: 'A title', image: 'https://example.com/i.png' }, note: 'for me', title: 'Everything' },
    }
    const id = await make('everything', rules)
    const before = (await server.get(`/urls/${id}`)).body
    expect(before).toMatchObject({ ...rules, password: true, state: 'active', clicks_left: 9 })
    expect((await server.call('PUT', `/urls/${id}`, before)).body).toEqual(before)
    const { text } = await server.get(`/events?url_id=${id}`)
    expect([text.includes('updated'), text.includes('argon2'), text.includes('secret')]).toEqual([false, false, false])
    const plain = { ...before, valid_until: null, password: null, card: null, max_clicks: null, forward_query: 'off' }
    expect((await server.call('PUT', `/urls/${id}`, plain)).body).toMatchObject({
      password: false,
      card: null,
      clicks_left: null,
    })
    expect((await server.get(`/events?url_id=${id}`)).text).not.toContain('argon2')
  })

  test('an export carries them, and its import makes the same links', async () => {
    const rules = { valid_until: FUTURE, expired_url: 'https://example.org/', max_clicks: 7, forward_query: 'add', note: '=1+1' }
    await make('carried', { ...rules, forward_path: true, noindex: true })
    const { text } = await server.get('/api/export/links.csv?code=carried')
    const other = await serveOn(kind)
    try {
      const form = new FormData()
      form.append('file', new File([text.replace(/^1?\d+,/m, ',')], 'urls.csv'))
      expect((await other.post('/urls/bulk', form)).status).toBe(201)
      const [link] = (await other.get('/urls?code=carried')).body
      expect(link).toMatchObject({ ...rules, forward_path: true, noindex: true, clicks_left: 7 })
    } finally {
      await other.stop()
    }
  })

  test('a rule that was changed by hand applies', async () => {
    const id = await make('by-hand', {})
    expect(await visit('/by-hand')).toEqual([302, original_url])
    await server.database.run((sql) => sql`update urls set valid_until = '2020-01-01' where id = ${id}`)
    await until('the change is followed', async () => (await visit('/by-hand'))[0] === 410)
  })

  test('a deleted link forgets them all', async () => {
    const id = await make('forgotten', { password: 'secret', note: 'mine', max_clicks: 3, expired_url: 'https://example.org/' })
    await server.call('DELETE', `/urls/${id}`)
    const [row] = await server.database.run((sql) => sql`select to_json(u) as row from urls u where id = ${id}`)
    expect(row!.row).toMatchObject({ password: null, note: null, max_clicks: null, expired_url: null, extra: null })
    const left = await server.database.run((sql) => sql`select from allowances where url_id = ${id}`)
    expect(left.length).toBe(0)
  })

  test('no rule is accepted while a replica of an earlier release would ignore it', async () => {
    const id = '00000000-0000-7000-8000-000000000001'
    await server.database.run(
      (sql) => sql`
        insert into replicas (id, place, slot, hostname, version, state, rate, started_at)
        values (${id}, 'elsewhere', 0, 'old-host', '0.1.0', 'ready', 0, now())`,
    )
    const { status, body } = await server.post('/urls', { original_url, valid_until: FUTURE })
    expect([status, body.error, body.details[0].field]).toEqual([
      409,
      expect.stringContaining('old-host still runs release 0.1.0'),
      'valid_until',
    ])
    const plain = await server.post('/urls', { original_url, note: 'no rule' })
    expect(plain.status).toBe(201)
    for (const method of ['PUT', 'PATCH'])
      expect((await server.call(method, `/urls/${plain.body.id}`, { valid_until: FUTURE })).status).toBe(409)
    const form = new FormData()
    form.append(
      'file',
      new File([`original_url,note,max_clicks\nhttps://example.com/1,a,\nhttps://example.com/2,b,5`], 'urls.csv'),
    )
    const imported = await server.post('/urls/bulk', form)
    expect([imported.status, imported.text]).toEqual([400, expect.stringContaining('max_clicks')])
    await server.database.run((sql) => sql`delete from replicas where id = ${id}`)
    expect((await server.post('/urls', { original_url, valid_until: FUTURE })).status).toBe(201)
  })
})

describe('settings', () => {
  test('EXPIRED_URL and FORWARD_QUERY apply to links that do not set their own', async () => {
    const server = await serveOn(databases.at(-1)!, { EXPIRED_URL: 'https://example.org/expired', FORWARD_QUERY: 'add' })
    try {
      const { body } = await server.post('/urls', { original_url, short_code: 'say-nothing' })
      expect(body.forward_query).toBe('add')
      expect((await server.post('/urls', { original_url, forward_query: 'off' })).body.forward_query).toBe('off')
      expect((await server.get('/say-nothing?y=2')).headers.get('location')).toBe('https://example.com/page?x=1&y=2#top')
      await server.call('PATCH', `/urls/${body.id}`, { valid_until: PAST })
      expect((await server.get('/say-nothing')).headers.get('location')).toBe('https://example.org/expired')
    } finally {
      await server.stop()
    }
  })
})

const installed = serverBinaries() !== undefined
if (!installed) console.warn('SKIPPED: rules without the database (PostgreSQL is not installed)')

describe.skipIf(!installed)('with the database stopped', () => {
  let cluster: Cluster
  let child: Child
  let settings: Record<string, string>
  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    settings = { DATA_DIR: temporaryFolder(), DATABASE_URL: await cluster.createDatabase(), AUTH: 'off', LOG_LEVEL: 'fatal' }
    child = await startChild(settings)
  })
  afterAll(async () => {
    child?.kill('SIGKILL')
    await cluster?.end()
  })

  test('every rule keeps working, also after a restart', async () => {
    const links: Record<string, object> = {
      'd-plain': {},
      'd-window': { valid_from: PAST, valid_until: FUTURE },
      'd-scheduled': { valid_from: FUTURE },
      'd-expiring': { valid_until: soon(8_000), expired_url: 'https://example.org/over' },
      'd-query': { forward_query: 'add' },
      'd-path': { forward_path: true },
      'd-limited': { max_clicks: 1_000 },
      'd-once': { max_clicks: 1 },
    }
    for (const [short_code, rules] of Object.entries(links))
      expect((await child.call('POST', '/urls', { original_url, short_code, ...rules })).status).toBe(201)
    const visit = async (path: string) => {
      const { status, headers } = await fetch(child.base + path, { redirect: 'manual', headers: BROWSER })
      return [path, status, headers.get('location')]
    }
    const works = [
      ['/d-plain', 302, original_url],
      ['/d-window', 302, original_url],
      ['/d-scheduled', 404, null],
      ['/d-query?y=2', 302, 'https://example.com/page?x=1&y=2#top'],
      ['/d-path/a', 302, 'https://example.com/page/a?x=1#top'],
    ]
    const answers = () => Promise.all(works.map(([path]) => visit(String(path))))
    expect([await visit('/d-limited'), await visit('/d-once')]).toEqual([
      ['/d-limited', 302, original_url],
      ['/d-once', 302, original_url],
    ])
    expect((await visit('/d-once'))[1]).toBe(410)
    await until('the copy has it', async () => (await child.call('GET', '/d-once+')).body.state === 'used_up')

    await cluster.control!.stop('immediate')
    expect(await answers()).toEqual(works)
    expect(await visit('/d-limited')).toEqual(['/d-limited', 302, original_url]) // of its lease
    expect((await visit('/d-once'))[1]).toBe(410)
    await until('it expires on time', async () => (await visit('/d-expiring'))[2] === 'https://example.org/over')

    child.kill('SIGKILL')
    await child.exited
    child = await startChild(settings, 'degraded')
    expect(await answers()).toEqual(works)
    expect(await visit('/d-expiring')).toEqual(['/d-expiring', 302, 'https://example.org/over'])
    expect((await visit('/d-once'))[1]).toBe(410)
    expect((await visit('/d-limited'))[1]).toBe(503) // the lease was the process's: rather too few than too many

    await cluster.control!.start()
    await until('limited links work again', async () => (await visit('/d-limited'))[1] === 302)
  })
})
