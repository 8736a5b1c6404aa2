// CODES=insensitive: a code works in any case where exactly one link has it, on each tier, also with the database stopped; new codes are lower case.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres, { type Sql } from 'postgres'
import { atEnd } from './at-end.ts'
import { databases } from './databases.ts'
import { type Cluster, freePort, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const INSENSITIVE = { CODES: 'insensitive', AUTH: 'off', ...UNLIMITED }
const csv = (text: string) => {
  const form = new FormData()
  form.append('file', new File([text], 'urls.csv'))
  return form
}
const target = (code: string) => `https://example.com/of/${code}`
const visit = async (server: TestServer, code: string) => {
  const { status, headers } = await server.get(`/${code}`)
  return headers.get('location') ?? status
}
const make = (server: TestServer, short_code?: string) =>
  server.post('/urls', { original_url: target(short_code ?? 'generated'), short_code })

/** Codes as they were made before CODES was insensitive: some alone, some only differing in case. */
const BEFORE = ['Alone', 'lower', 'Two', 'tWo', 'three', 'Three', 'THREE', 'shout', 'MIXED/Ünder.Score']

describe.each(databases)('codes in any case on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    const settings = await kind.settings()
    const here = { ...kind, settings: async () => settings }
    const before = await serveOn(here, { AUTH: 'off' })
    const rows = BEFORE.map((code) => `${code},${target(code)}`).join('\n')
    expect((await before.post('/urls/bulk', csv(`short_code,original_url\n${rows}\n`))).status).toBe(201)
    await until('the edge copy has them', async () => (await visit(before, BEFORE.at(-1)!)) !== 404)
    expect(await visit(before, 'ALONE')).toBe(404)
    const [{ id }] = (await before.get('/urls?code=shout')).body
    expect((await before.post(`/urls/${id}/aliases`, { code: 'SHOUT' })).status).toBe(201)
    expect((await before.call('DELETE', `/urls/${id}/aliases/SHOUT`)).status).toBe(204)
    await before.stop()
    server = await serveOn(here, INSENSITIVE)
  })
  afterAll(() => server?.stop())

  test.each([
    ['Alone', target('Alone')],
    ['ALONE', target('Alone')],
    ['aLONE', target('Alone')],
    ['LOWER', target('lower')],
    ['Two', target('Two')],
    ['tWo', target('tWo')],
    ['two', 404],
    ['TWO', 404],
    ['three', target('three')],
    ['THREE', target('THREE')],
    ['tHREE', 404],
    ['ALONE).', target('Alone')],
    ['ALONE/', target('Alone')],
    ['urls/ALONE', target('Alone')],
    ['urls/ALONE/redirect', target('Alone')],
    ['mixed/%C3%9Cnder.score', encodeURI(target('MIXED/Ünder.Score'))],
    ['mixed/%C3%BCnder.score', 404], // only A to Z have another case
  ])('/%s leads to %s', async (path, answer) => {
    expect(await visit(server, path)).toBe(answer)
  })

  test('a QR code in capitals is drawn only for links that are found in capitals', async () => {
    const drawn: string[] = []
    for (const code of BEFORE) {
      const [{ id, short_url }] = (await server.get(`/urls?code=${encodeURIComponent(code)}`)).body
      const { status } = await server.get(`/urls/${id}/qr.svg?capitals=1`)
      const answer = await visit(server, short_url.slice(server.base.length + 1).toUpperCase())
      expect([code, status]).toEqual([code, answer === encodeURI(target(code)) ? 200 : 400])
      if (status === 200) drawn.push(code)
    }
    expect(drawn).toEqual(['Alone', 'lower', 'THREE', 'MIXED/Ünder.Score'])
  })

  test('a generated code has no capitals and no look-alikes, and works with capitals at once', async () => {
    for (let n = 0; n < 50; n++) {
      const { body } = await make(server)
      expect(body.short_code).toMatch(/^[2-9a-hj-km-np-z]{7}$/)
      expect(await visit(server, body.short_code.toUpperCase())).toBe(target('generated'))
    }
  })

  test('a chosen code is stored in lower case, and is taken in any case', async () => {
    expect(await visit(server, 'CHOSEN')).toBe(404)
    const { status, body } = await make(server, 'Chosen')
    expect([status, body.short_code, body.short_url]).toEqual([201, 'chosen', `${server.base}/chosen`])
    for (const code of ['chosen', 'CHOSEN', 'ChOsEn']) expect(await visit(server, code)).toBe(target('Chosen')) // although it was 404 before
    for (const code of ['chosen', 'CHOSEN', 'alone', 'ALONE', 'two', 'three', 'LOWER'])
      expect([code, await make(server, code)]).toMatchObject([
        code,
        { status: 409, body: { details: [{ field: 'short_code' }] } },
      ])
  })

  test('of creations that race for a code in several cases, one gets it', async () => {
    const statuses = await Promise.all(
      ['Raced', 'raced', 'RACED', 'rAced', 'raCed', 'racEd'].map(async (code) => (await make(server, code)).status),
    )
    expect(statuses.toSorted()).toEqual([201, 409, 409, 409, 409, 409])
  })

  test('a deleted link’s code is not issued in another case', async () => {
    const { body } = await make(server, 'deleted-one')
    await server.call('DELETE', `/urls/${body.id}`)
    for (const code of ['deleted-one', 'DELETED-ONE']) expect(await visit(server, code)).toBe(404)
    expect((await make(server, 'Deleted-One')).status).toBe(409)
  })

  test('aliases and renames are lower case too; all codes of one link are one link', async () => {
    const [{ id }] = (await server.get('/urls?code=lower')).body
    const add = (code: string) => server.post(`/urls/${id}/aliases`, { code })
    expect(await add('Lower-2')).toMatchObject({ status: 201, body: { code: 'lower-2' } })
    expect(await add('LOWER-2')).toMatchObject({ status: 409 })
    expect(await add('ALONE')).toMatchObject({ status: 409, body: { error: 'this code is already taken' } })
    expect(await visit(server, 'LOWER-2')).toBe(target('lower'))
    const [alone] = (await server.get('/urls?code=Alone')).body
    const rename = (short_code: string) => server.call('PATCH', `/urls/${alone.id}`, { short_code })
    expect(await rename('LOWER')).toMatchObject({ status: 409 })
    expect(await rename('TWO')).toMatchObject({ status: 409 })
    expect(await rename('Alone')).toMatchObject({ status: 200, body: { short_code: 'Alone', aliases: [] } }) // sent back as it is
    expect(await rename('ALONE')).toMatchObject({ status: 200, body: { short_code: 'alone', aliases: ['Alone'] } })
    for (const code of ['Alone', 'alone', 'ALONE']) expect(await visit(server, code)).toBe(target('Alone'))
    expect(await server.call('PATCH', `/urls/${alone.id}`, { short_code: 'alone', title: 'kept' })).toMatchObject({
      status: 200,
      body: { title: 'kept', short_code: 'alone' },
    })
  })

  test('a link among several of a code can still be changed', async () => {
    const [{ id }] = (await server.get('/urls?code=three')).body
    expect(await server.call('PATCH', `/urls/${id}`, { short_code: 'three', title: 'third' })).toMatchObject({
      status: 200,
      body: { title: 'third' },
    })
  })

  test('the API finds a link by its code in any case, too', async () => {
    const found = async (query: string) =>
      (await server.get(`/urls?${query}`)).body.map(({ short_code }: { short_code: string }) => short_code)
    expect(await found('code=LOWER')).toEqual(['lower'])
    expect(await found('code=two')).toEqual([])
    expect(await found('code=tWo')).toEqual(['tWo'])
    expect(await found(`q=${encodeURIComponent(`${server.base}/LOWER`)}`)).toEqual(['lower'])
    expect((await server.get('/urls/LOWER/stats')).body).toMatchObject({ short_code: 'lower' })
    expect((await server.get('/LOWER+')).body).toMatchObject({ short_code: 'lower', original_url: target('lower') })
    expect((await server.get('/api/export/links.csv?code=LOWER')).text.split('\r\n')).toHaveLength(3)
  })

  test('clicks in any case are counted', async () => {
    const { body } = await make(server, 'clicked')
    for (const code of ['clicked', 'CLICKED', 'Clicked']) await visit(server, code)
    expect((await server.settled(`/urls/${body.id}/stats`)).body.clicks).toBe(3)
  })

  test('a link that is created in between makes a code ambiguous, and it stays so after its deletion', async () => {
    await make(server, 'alone-at-first')
    expect(await visit(server, 'ALONE-AT-FIRST')).toBe(target('alone-at-first'))
    const other = `short_code,original_url\nAlone-At-First,${target('other')}\n`
    expect((await server.post('/urls/bulk', csv(other))).status).toBe(201)
    await until('it is ambiguous', async () => (await visit(server, 'ALONE-AT-FIRST')) === 404)
    expect(await visit(server, 'Alone-At-First')).toBe(target('other'))
    expect(await visit(server, 'alone-at-first')).toBe(target('alone-at-first'))
    const [{ id }] = (await server.get('/urls?code=Alone-At-First')).body
    await server.call('DELETE', `/urls/${id}`)
    expect(await visit(server, 'ALONE-AT-FIRST')).toBe(404)
    expect(await visit(server, 'alone-at-first')).toBe(target('alone-at-first'))
  })
})

const valkey = Bun.which('valkey-server') ?? Bun.which('redis-server')
const tiers = ['edge', 'none', ...(valkey ? (['valkey'] as const) : [])] as const

describe.skipIf(!serverBinaries()).each(tiers)('codes in any case with SECOND_TIER=%s', (tier) => {
  let cluster: Cluster
  let url: string
  let sql: Sql
  let redis: string
  const folder = temporaryFolder()

  const serve = (DATA_DIR = temporaryFolder()) =>
    serveOn(
      { ...databases.at(-1)!, settings: async () => ({ DATA_DIR, DATABASE_URL: url }) },
      { ...INSENSITIVE, SECOND_TIER: tier, ...(tier === 'valkey' && { REDIS_URL: redis }) },
    )
  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    url = await cluster.createDatabase()
    sql = postgres(url, { max: 1, onnotice: () => {} })
    if (tier !== 'valkey') return
    const port = await freePort()
    redis = `redis://127.0.0.1:${port}`
    const process = Bun.spawn(
      [valkey!, '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', temporaryFolder()],
      {
        stdout: 'ignore',
        stderr: 'ignore',
      },
    )
    atEnd(() => process.kill(9))
  })
  afterAll(async () => {
    await sql.end({ timeout: 1 })
    await cluster?.end()
  })

  test('learn of other replicas’ links at once, in each case, and work without the database and after a restart', async () => {
    const one = await serve()
    let two = await serve(folder)
    const both = async (code: string, answer: string | number) => {
      for (const server of [one, two]) await until(`${code} is known`, async () => (await visit(server, code)) === answer)
    }
    await both('NEWS', 404)
    const { body } = await make(one, 'news')
    await both('NEWS', target('news')) // it was remembered as unknown
    await both('nEWS', target('news'))
    await one.call('PATCH', `/urls/${body.id}`, { original_url: target('changed') })
    await both('NEWS', target('changed'))
    await one.call('PATCH', `/urls/${body.id}`, { short_code: 'renamed' })
    await both('NEWS', target('changed'))
    await both('RENAMED', target('changed'))
    await sql`insert into urls (short_code, original_url) values ('ReNamed', ${target('third')})`
    await both('RENAMED', 404)
    await both('renamed', target('changed'))
    await both('ReNamed', target('third'))
    const unknown = `unknown-${tier}`
    expect(await visit(two, unknown.toUpperCase())).toBe(404)

    await cluster.control!.stop()
    for (const code of ['NEWS', 'news', 'nEWs', 'ReNamed'])
      expect([code, await visit(two, code)]).toEqual([code, code === 'ReNamed' ? target('third') : target('changed')])
    await two.stop()
    if (tier !== 'none') {
      two = await serve(folder)
      await until('the second tier answers', async () => (await visit(two, 'news')) === target('changed'))
      for (const code of ['NEWS', 'nEWs']) expect([code, await visit(two, code)]).toEqual([code, target('changed')])
      expect(await visit(two, 'RENAMED')).toBe(503) // two links: nothing to guess
      await two.stop()
    }
    await cluster.control!.start()
    await until('the database is there', async () => (await one.get('/ready')).body.status === 'ready')
    expect((await make(one, unknown)).status).toBe(201)
    expect(await visit(one, unknown.toUpperCase())).toBe(target(unknown))
    await one.stop()
  })
})
