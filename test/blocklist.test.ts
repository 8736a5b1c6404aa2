// Blocked hosts: said on one replica, obeyed by all within a second, whatever they hold of a link and whether the database answers or not.
// On real PostgreSQL, and a real redis-server for the tier that has one.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { blockable, blocklist } from '../src/blocklist/blocklist.ts'
import { openBlocklistFile } from '../src/blocklist/file.ts'
import { atEnd } from './at-end.ts'
import { runCommand } from './child.ts'
import { databases, quiet } from './databases.ts'
import { type Cluster, freePort, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

test.each([
  ['evil.example', 'evil.example'],
  ['EVIL.example.', 'evil.example'],
  ['*.evil.example', 'evil.example'],
  ['.evil.example', 'evil.example'],
  ['Bücher.example', 'xn--bcher-kva.example'],
  ['0xc0.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:DB8::7', '[2001:db8::7]'],
  ['[2001:db8:0::7]', '[2001:db8::7]'],
  ...[
    'evil.example,phishing',
    'a.example,b.example',
    'evil.example;x',
    '||evil.example^',
    'evil.example:',
    'evil..example',
    '-evil.example',
  ].map((text) => [text, undefined] as const),
  ...[
    'evil-.example',
    'evil.example..',
    'evil_.ex!ample',
    "evil.exam'ple",
    'evil.example&x',
    `${'a'.repeat(64)}.example`,
    'a b.example',
  ].map((text) => [text, undefined] as const),
  ['my_host.example', 'my_host.example'],
  ['com', undefined],
  ['*', undefined],
  ['*.com', undefined],
  ['*.*.example', undefined],
  ['evil.example:80', undefined],
  ['https://evil.example', undefined],
  ['evil.example/x', undefined],
  ['u@evil.example', undefined],
  [`${'a.'.repeat(200)}example`, undefined],
  ['', undefined],
])('%s goes onto the list as %p', (text, host) => expect(blockable(text)).toBe(host))

describe('a list', () => {
  const feed = (hosts: string[]) => ({ current: () => ({ hosts: new Set(hosts) }), onChange: () => {} })

  test.each([
    ['https://evil.example/x', true],
    ['HTTPS://EVIL.EXAMPLE.:8443/x', true],
    ['https://a.b.evil.example/', true],
    ['https://user@evil.example/', true],
    ['https://evil%2eexample/', true],
    ['https://notevil.example/', false],
    ['https://evil.example.org/', false],
    ['https://example/', false],
    ['https://good.example/?to=https://evil.example/', false],
    ['https://xn--bcher-kva.example/', true],
    ['https://b\u00fccher.example/', true],
    ['http://192.0.2.7:81/', true],
    ['http://3221225991/', true],
    ['http://[::ffff:c000:207]/', true],
    ['http://192.0.2.8/', false],
    ['http://[2001:db8::7]/', true],
    [`https://${'a.'.repeat(5_000)}evil.example/`, true],
  ])('of four hosts: %s is blocked: %p', (url, blocked) =>
    expect(blocklist(feed(['evil.example', 'xn--bcher-kva.example', '192.0.2.7', '[2001:db8::7]'])).blocksTarget(url)).toBe(
      blocked,
    ),
  )
})

describe('BLOCKLIST_FILE', () => {
  async function withFile(text: string) {
    const path = join(temporaryFolder(), 'blocked')
    writeFileSync(path, text)
    const { log, ring } = quiet()
    const file = await openBlocklistFile(path, log)
    const list = blocklist({ current: () => ({ hosts: new Set<string>() }), onChange: () => {} }, file)
    let changes = 0
    list.onChange(() => void changes++)
    return { path, file, list, changes: () => changes, said: (filter: string) => ring.read({ limit: 200, filter }).length }
  }

  test('has a host a line, comments, and lines of a hosts file; what names no host is said with its line', async () => {
    const { file, said } = await withFile(
      '# a list\r\n\r\nevil.example # why\r\n*.Bad.example\n0.0.0.0 ads.example tracker.example # both\n127.0.0.1 localhost\n::1 ip6-localhost\n' +
        '0.0.0.0 0.0.0.0\n192.0.2.7\nhttps://oops.example/\n',
    )
    expect([...file.hosts()].sort()).toEqual(['192.0.2.7', 'ads.example', 'bad.example', 'evil.example', 'tracker.example'])
    expect(said('something that is not a host')).toBe(1)
    file.stop()
  })

  test('that was made for another program blocks what it says, and tells the lines that say nothing', async () => {
    const { file, list, said } = await withFile(
      '\ufeffevil.example\r\n! an adblock list\r\n||ads.example^\r\nbad.example,phishing\r\nworse.example;x\r\n' +
        '0.0.0.0 fine.example\r\nfe80::1%lo0 localhost\r\nhttp://url.example/\r\nname.example 0.0.0.0:80\r\n' +
        'broken.example,x\n'.repeat(30),
    )
    expect([...file.hosts()].sort()).toEqual(['evil.example', 'fine.example', 'name.example'])
    for (const host of ['ads.example', 'bad.example', 'worse.example', 'url.example']) expect(list.blocks(host)).toBe(false)
    expect([said('a line of the blocklist file'), said('has more invalid lines')]).toEqual([20, 1])
    file.stop()
  })

  test('is read again when it changes, by whatever means, and logs that', async () => {
    const { path, file, list, changes } = await withFile('evil.example\n')
    expect(list.blocks('evil.example')).toBe(true)
    writeFileSync(path, 'other.example\n')
    await until('what was written is read', () => list.blocks('other.example') && !list.blocks('evil.example'))
    writeFileSync(`${path}.new`, 'third.example\n') // as long as the one before
    renameSync(`${path}.new`, path)
    await until('what took its place is read', () => list.blocks('third.example'))
    expect(changes()).toBe(2)
    file.stop()
  })

  test('is read at once at SIGHUP, and not any more once it is stopped', async () => {
    const { path, file, list } = await withFile('evil.example\n')
    writeFileSync(path, 'other.example\n')
    process.kill(process.pid, 'SIGHUP')
    await until('it is read', () => list.blocks('other.example'))
    file.stop()
    expect(process.listenerCount('SIGHUP')).toBe(0)
  })

  test('that disappears keeps its effect, and is reported once', async () => {
    const { path, file, list, said } = await withFile('evil.example\n')
    rmSync(path)
    await until('it is missed', () => said('cannot read the blocklist file') === 1)
    await Bun.sleep(1_100) // looked for once more
    expect([list.blocks('evil.example'), said('cannot read the blocklist file')]).toEqual([true, 1])
    mkdirSync(path) // which can be looked at, but not read
    await Bun.sleep(1_100)
    expect([list.blocks('evil.example'), said('cannot read the blocklist file')]).toEqual([true, 1])
    rmSync(path, { recursive: true })
    writeFileSync(path, 'back.example\n')
    await until('it is back', () => list.blocks('back.example'))
    file.stop()
  })

  test('that is not there at the start stops it, with a sentence', async () => {
    const { code, err, out } = await runCommand(['serve'], {
      BLOCKLIST_FILE: '/nowhere/blocked',
      DATA_DIR: temporaryFolder(),
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
      PORT: String(await freePort()),
    })
    expect([code, err + out]).toEqual([2, expect.stringContaining('BLOCKLIST_FILE names a file that cannot be read')])
  })
})

const external = Boolean(serverBinaries())
if (!external) console.warn('SKIPPED: blocked hosts on two replicas (PostgreSQL is not installed)')
const valkey = Bun.which('valkey-server') ?? Bun.which('redis-server')
if (!valkey) console.warn('SKIPPED: blocked hosts with SECOND_TIER=valkey (no valkey-server or redis-server)')

describe.skipIf(!external)('two replicas', () => {
  let cluster: Cluster
  let redis = ''
  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    if (!valkey) return
    const port = await freePort()
    const child = Bun.spawn([valkey, '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', temporaryFolder()], {
      stdout: 'ignore',
      stderr: 'ignore',
    })
    atEnd(() => child.kill(9))
    redis = `redis://127.0.0.1:${port}`
  })
  afterAll(() => cluster.end())

  const serve = (url: string, settings: Record<string, string> = {}) =>
    serveOn(
      { ...databases.at(-1)!, settings: async () => ({ DATA_DIR: temporaryFolder(), DATABASE_URL: url }) },
      { AUTH: 'off', ...settings },
    )
  const status = async (server: TestServer, code: string) => (await server.get(`/${code}`)).status
  const make = async (server: TestServer, original_url: string) => {
    const { status, body } = await server.post('/urls', { original_url })
    expect(status).toBe(201)
    return body as { id: number; short_code: string }
  }
  const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

  describe.each(['edge', 'none', ...(valkey ? ['valkey'] : [])])('with SECOND_TIER=%s', (SECOND_TIER) => {
    let url: string
    let one: TestServer
    let two: TestServer
    beforeAll(async () => {
      url = await cluster.createDatabase()
      const settings = { SECOND_TIER, ...(SECOND_TIER === 'valkey' && { REDIS_URL: redis }) }
      one = await serve(url, settings)
      two = await serve(url, settings)
    })
    afterAll(async () => {
      await one.stop()
      await two.stop()
    })

    test('answer 410 for every link to a host that is blocked on one: at once there, within a second here; and lead there again', async () => {
      const targets = [
        'https://evil.example/',
        'http://EVIL.example.:8080/x?y',
        'https://deep.er.evil.example/#z',
        'https://notevil.example/',
        'https://evil.example.org/',
      ]
      const links = await Promise.all(targets.map((target) => make(one, target)))
      const inMemory = await Promise.all(targets.map((target) => make(one, target)))
      for (const server of [one, two]) for (const link of inMemory) expect(await status(server, link.short_code)).toBe(302)
      const [smuggled] = await one.database.run(
        (sql) => sql<{ short_code: string }[]>`
          insert into urls (short_code, original_url) values ('smuggled', 'https://good.example@evil.example/') returning short_code`,
      )

      const blocked = await one.post('/api/blocklist', { host: 'Evil.Example.', reason: 'phishing' })
      expect([blocked.status, blocked.body]).toEqual([
        201,
        { id: expect.any(Number), host: 'evil.example', reason: 'phishing', created_at: expect.any(String), links: 7 },
      ])
      const expected = [410, 410, 410, 302, 302]
      for (const list of [inMemory, links])
        for (const [i, { short_code }] of list.entries())
          expect([targets[i], await status(one, short_code)]).toEqual([targets[i], expected[i]])
      await until('the other obeys', async () => (await status(two, inMemory[0]!.short_code)) === 410)
      for (const list of [inMemory, links])
        for (const [i, { short_code }] of list.entries())
          expect([targets[i], await status(two, short_code)]).toEqual([targets[i], expected[i]])
      for (const server of [one, two]) expect(await status(server, smuggled!.short_code)).toBe(410)

      for (const server of [one, two]) {
        for (const [path, body] of [
          ['/urls', { original_url: 'https://sub.EVIL.example/' }],
          ['/shorten', { url: 'https://evil.example.:99/' }],
        ] as const) {
          const refused = await server.post(path, body)
          expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('must not lead to a blocked host')])
        }
        const changed = await server.call('PUT', `/urls/${links[3]!.id}`, { original_url: 'https://evil.example/' })
        expect(changed.status).toBe(400)
        const form = new FormData()
        form.append('file', new Blob(['original_url\nhttps://good.example/\nhttps://evil.example/\n']), 'urls.csv')
        const imported = await server.post('/urls/bulk', form)
        expect([imported.status, imported.text]).toEqual([400, expect.stringContaining('must not lead to a blocked host')])
      }

      expect((await two.call('DELETE', '/api/blocklist/EVIL.example')).status).toBe(204)
      for (const { short_code } of [...inMemory, ...links]) expect(await status(two, short_code)).toBe(302)
      await until('the other leads there again', async () => (await status(one, inMemory[0]!.short_code)) === 302)
      for (const { short_code } of [...inMemory, ...links]) expect(await status(one, short_code)).toBe(302)
    })

    test('keep what is switched off or deleted as it is, blocked or not, and obey changes to a blocked link', async () => {
      const [off, gone, moved] = [
        await make(one, 'https://bad.example/1'),
        await make(one, 'https://bad.example/2'),
        await make(one, 'https://bad.example/3'),
      ]
      await one.call('PATCH', `/urls/${off.id}`, { is_active: false })
      for (const link of [off, gone, moved]) await status(two, link.short_code)
      await one.post('/api/blocklist', { host: 'bad.example' })
      await until('the other obeys', async () => (await status(two, moved.short_code)) === 410)
      await one.call('DELETE', `/urls/${gone.id}`)
      await one.call('PATCH', `/urls/${moved.id}`, { original_url: 'https://better.example/' })
      for (const server of [one, two]) {
        await until('it leads elsewhere', async () => (await status(server, moved.short_code)) === 302)
        await until('it is gone', async () => (await status(server, gone.short_code)) === 404)
      }
      await one.call('DELETE', '/api/blocklist/bad.example')
      for (const server of [one, two]) await until('it is but off', async () => (await status(server, off.short_code)) === 404)
    })

    test('count no click for a blocked link, tell a person why, and show in the preview where it leads', async () => {
      const link = await make(one, 'https://evil.example/<b>')
      expect((await one.get(`/${link.short_code}+`)).body).toEqual({
        short_code: link.short_code,
        original_url: 'https://evil.example/<b>',
        is_active: true,
        blocked: false,
        state: 'active',
      })
      await one.post('/api/blocklist', { host: 'evil.example' })
      const person = await one.get(`/${link.short_code}`, BROWSER)
      expect([person.status, person.headers.get('location'), person.headers.get('cache-control')]).toEqual([
        410,
        null,
        'no-store',
      ])
      expect(person.text).toContain('This link has been blocked')
      expect(person.text).not.toContain('evil.example')
      expect((await one.get(`/${link.short_code}`)).body.error).toContain('the destination of this link is blocked')
      expect((await one.get(`/urls/${link.short_code}`)).status).toBe(410)
      expect((await one.call('HEAD', `/${link.short_code}`)).status).toBe(410)

      const preview = await one.get(`/${link.short_code}+`)
      expect([preview.status, preview.body]).toEqual([
        200,
        {
          short_code: link.short_code,
          original_url: 'https://evil.example/<b>',
          is_active: true,
          blocked: true,
          state: 'blocked',
        },
      ])
      const page = await one.get(`/${link.short_code}+`, BROWSER)
      expect([page.status, page.headers.get('location')]).toEqual([200, null])
      expect(page.text).toContain('https://evil.example/&lt;b&gt;')
      expect(page.text).toContain('This destination is blocked')
      expect(page.text).not.toMatch(/<a\b|http-equiv|<script/i)
      await one.call('PATCH', `/urls/${link.id}`, { is_active: false })
      expect((await one.get(`/${link.short_code}+`)).body).toMatchObject({ is_active: false, blocked: true })
      await one.call('DELETE', '/api/blocklist/evil.example')
      expect((await one.get(`/${link.short_code}+`, BROWSER)).text).toContain('This link is inactive')
      expect((await one.get('/nothing-here+')).status).toBe(404)
      expect((await one.get(`/urls/${link.id}/stats`)).body.clicks).toBe(0)
      expect((await one.get('/metrics')).text).toMatch(/redirects_total\{result="blocked"\} [1-9]/)
    })
  })

  test('keep blocking while the database is unreachable, also after a start in that time, and apply changes when it is back', async () => {
    const own = await openCluster({ own: true })
    const url = await own.createDatabase()
    const [one, two] = [await serve(url), await serve(url)]
    let three: TestServer | undefined
    try {
      const [bad, worse] = [await make(one, 'https://evil.example/'), await make(one, 'https://worse.example/')]
      await one.post('/api/blocklist', { host: 'evil.example' })
      for (const server of [one, two]) {
        await until('it is blocked', async () => (await status(server, bad.short_code)) === 410)
        expect(await status(server, worse.short_code)).toBe(302)
      }
      const { DATA_DIR } = two.config
      const copied = async () => Number(/\nwaypost_changes_applied_total (\d+)/.exec((await two.get('/metrics')).text)![1])
      await until('the copy has both links', async () => (await copied()) >= 2)
      await two.stop() // which waits until the policy is on the disk
      await own.control!.stop('immediate')
      expect([await status(one, bad.short_code), await status(one, worse.short_code)]).toEqual([410, 302])
      expect((await one.post('/api/blocklist', { host: 'worse.example' })).status).toBe(503)
      three = await serve(url, { DATA_DIR })
      expect((await three.get('/ready')).body.status).toBe('degraded')
      expect([await status(three, bad.short_code), await status(three, worse.short_code)]).toEqual([410, 302])
      expect((await three.get(`/${bad.short_code}+`)).body).toMatchObject({ blocked: true })

      await own.control!.start()
      const sql = postgres(url, { max: 1, onnotice: () => {} })
      await sql`delete from blocked_hosts`
      await sql`insert into blocked_hosts (host) values ('worse.example')` // by another hand: no replica announces it
      await sql.end()
      for (const server of [one, three]) {
        await until('it obeys', async () => (await status(server, worse.short_code)) === 410)
        expect(await status(server, bad.short_code)).toBe(302)
      }
    } finally {
      for (const server of [one, three]) await server?.stop()
      await own.end()
    }
  })

  test('apply their own file in addition to the shared list', async () => {
    const url = await cluster.createDatabase()
    const file = join(temporaryFolder(), 'blocked')
    writeFileSync(file, 'bücher.example\n')
    const [one, two] = [await serve(url, { BLOCKLIST_FILE: file }), await serve(url)]
    try {
      const [book, later] = [await make(two, 'https://www.xn--bcher-kva.example/'), await make(two, 'https://later.example/')]
      expect([await status(one, book.short_code), await status(two, book.short_code)]).toEqual([410, 302])
      expect((await one.post('/urls', { original_url: 'https://BÜCHER.example/' })).status).toBe(400)
      expect(await status(one, later.short_code)).toBe(302)
      writeFileSync(file, 'later.example\n')
      await until('the file is obeyed', async () => (await status(one, later.short_code)) === 410)
      expect(await status(one, book.short_code)).toBe(302)
      expect((await one.get('/api/blocklist')).body).toEqual([]) // only what the API took is the API's
      await one.post('/api/blocklist', { host: 'later.example' })
      await one.call('DELETE', '/api/blocklist/later.example')
      expect(await status(one, later.short_code)).toBe(410)
    } finally {
      for (const server of [one, two]) await server.stop()
    }
  })
})

describe.each(databases)('/api/blocklist ($name)', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind, { AUTH: 'off' })
  })
  afterAll(() => server.stop())

  test.each([
    [{ host: 'com' }, 'host'],
    [{ host: 'evil.example:443' }, 'host'],
    [{ host: 'a.example,b.example' }, 'host'],
    [{ host: 'https://evil.example/' }, 'host'],
    [{ host: '' }, 'host'],
    [{ host: 7 }, 'host'],
    [{}, 'host'],
    [{ host: 'x'.repeat(301) }, 'host'],
    [{ host: 'evil.example', reason: 7 }, 'reason'],
    [{ host: 'evil.example', reason: 'x'.repeat(501) }, 'reason'],
  ])('%j is 400, naming %s', async (body, field) => {
    const { status, body: answer } = await server.post('/api/blocklist', body)
    expect([status, answer.details?.[0]?.field]).toEqual([400, field])
  })

  test('takes a host once, lists by pages, unblocks by any way of writing, and leaves a trace of each', async () => {
    const hosts = ['a.example', 'xn--bcher-kva.example', '192.0.2.7', '[2001:db8::7]']
    for (const host of ['A.example', '*.Bücher.example', '192.0.2.7', '2001:db8::7'])
      expect((await server.post('/api/blocklist', { host })).status).toBe(201)
    const again = await server.post('/api/blocklist', { host: 'a.example.', reason: 'spam', unknown: 1 })
    expect([again.status, again.body.reason]).toEqual([200, 'spam'])
    expect((await server.post('/api/blocklist', { host: 'a.example' })).body.reason).toBe('spam')

    const first = await server.get('/api/blocklist?per_page=3')
    expect(first.body.map(({ host }: { host: string }) => host)).toEqual(hosts.slice(0, 3))
    expect([first.headers.get('x-total-count'), first.headers.get('link')]).toEqual(['4', expect.stringContaining('rel="next"')])
    expect((await server.get('/api/blocklist?per_page=3&page=2')).body.map(({ host }: { host: string }) => host)).toEqual(
      hosts.slice(3),
    )

    for (const written of ['A.EXAMPLE', 'b%C3%BCcher.example', '192.0.2.7.', '%5B2001:db8:0::7%5D'])
      expect([written, (await server.call('DELETE', `/api/blocklist/${written}`)).status]).toEqual([written, 204])
    for (const missing of ['a.example', 'com', '%00', 'x%20y'])
      expect([404, 400]).toContain((await server.call('DELETE', `/api/blocklist/${missing}`)).status)
    expect((await server.get('/api/blocklist')).body).toEqual([])

    const trace = async (type: string) =>
      (await server.get(`/events?event_type=${type}`)).body.map(({ details }: any) => details.host)
    expect(await trace('host_blocked')).toEqual(hosts)
    expect(await trace('host_unblocked')).toEqual(hosts)
  })

  test('says how many links lead there, as they are written, and lists them', async () => {
    const make = (original_url: string) => server.post('/urls', { original_url })
    for (const target of [
      'https://count.example/',
      'http://COUNT.example:80/x',
      'https://a.count.example?x',
      'https://count.example',
      'https://notcount.example/',
      'https://count.example.org/',
      'https://other.example/count.example/',
      'https://cöunt.example/',
      'https://xn--cunt-5qa.example/',
    ])
      expect((await make(target)).status).toBe(201)
    expect((await server.post('/api/blocklist', { host: 'count.example' })).body.links).toBe(4)
    expect((await server.post('/api/blocklist', { host: 'cöunt.example' })).body.links).toBe(2)
    expect((await server.post('/api/blocklist', { host: '2001:db8::1' })).body.links).toBe(0)

    const listed = async (blocked: boolean) => (await server.get(`/urls?q=example&blocked=${blocked}`)).body
    const hit = await listed(true)
    expect(hit.map((link: any) => [new URL(link.original_url).hostname, link.blocked])).toEqual([
      ['count.example', true],
      ['count.example', true],
      ['a.count.example', true],
      ['count.example', true],
      ['xn--cunt-5qa.example', true],
      ['xn--cunt-5qa.example', true],
    ])
    expect((await listed(false)).map((link: any) => [new URL(link.original_url).hostname, link.blocked])).toEqual([
      ['notcount.example', undefined],
      ['count.example.org', undefined],
      ['other.example', undefined],
    ])
    expect((await server.get('/api/export/links.csv?blocked=true')).text.trim().split(/\r?\n/)).toHaveLength(1 + hit.length)
    expect((await server.get('/urls?blocked=perhaps')).status).toBe(400)
  })
})
