// Names, e-mails, searches, hosts and statistics where the database's locale has other capitals: in Turkish, I is not that of i.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres from 'postgres'
import { databases } from './databases.ts'
import { serverBinaries, sharedCluster } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'

const installed = serverBinaries() !== undefined || process.env.TEST_DATABASE_URL !== undefined

/** A database of that locale, or undefined where the server has none such. */
async function databaseIn(locale: string): Promise<string | undefined> {
  const url = await (await sharedCluster()).createDatabase()
  const name = new URL(url).pathname.slice(1)
  const sql = postgres(url.replace(/\/[^/]*$/, '/postgres'), { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(`drop database ${name}`)
    await sql.unsafe(
      `create database ${name} encoding 'UTF8' locale 'C' locale_provider icu icu_locale '${locale}' template template0`,
    )
    return url
  } catch (error) {
    console.warn(`SKIPPED: a database in ${locale} (${(error as Error).message})`)
    return undefined
  } finally {
    await sql.end()
  }
}

const places = [
  { name: 'the embedded database', settings: () => databases[0]!.settings() },
  ...(installed
    ? [
        {
          name: 'a database in C',
          settings: async () => ({ DATA_DIR: temporaryFolder(), DATABASE_URL: await (await sharedCluster()).createDatabase() }),
        },
      ]
    : []),
  ...(installed
    ? ['tr-TR', 'az', 'lt', 'en-US'].map((locale) => ({
        name: `a database in ${locale}`,
        async settings() {
          const DATABASE_URL = await databaseIn(locale)
          return DATABASE_URL && { DATA_DIR: temporaryFolder(), DATABASE_URL }
        },
      }))
    : []),
]
if (!installed) console.warn('SKIPPED: databases of other locales (PostgreSQL is not installed)')

describe.each(places)('in $name', ({ settings }) => {
  let server: TestServer | undefined
  beforeAll(async () => {
    const found = await settings()
    if (found) server = await serveOn({ ...databases[0]!, settings: async () => found }, UNLIMITED)
  })
  afterAll(() => server?.stop())

  test('an e-mail is taken in any case', async () => {
    if (!server) return
    expect((await server.post('/users', { username: 'Iris', email: 'IRIS@example.com' })).status).toBe(201)
    expect((await server.post('/users', { username: 'Ida', email: 'ÄIDA@example.com' })).status).toBe(201)
    for (const email of ['iris@example.com', 'Iris@EXAMPLE.com', 'äida@example.com'])
      expect([email, (await server.post('/users', { username: `of ${email}`, email })).status]).toEqual([email, 409])
    const { body: other } = await server.post('/users', { username: 'other', email: 'other@example.com' })
    expect((await server.call('PATCH', `/users/${other.id}`, { email: 'iRiS@example.com' })).status).toBe(409)
    expect(
      (await server.get('/users?email=iris@example.com')).body.map(({ username }: { username: string }) => username),
    ).toEqual(['Iris'])
    expect((await server.post('/users', { username: 'IRIS', email: 'x@example.com' })).status).toBe(201) // names are as they are written
    const form = new FormData()
    form.append('file', new File(['id,username,email\n1,Renamed,iris@EXAMPLE.com\n'], 'users.csv'))
    expect((await server.post('/users/bulk', form)).status).toBe(201)
    expect((await server.get('/users?username=Renamed')).body).toEqual([]) // it was known by its e-mail
  })

  test('a search finds a word in any case, and nothing else', async () => {
    if (!server) return
    const made = async (title: string, original_url = 'https://example.com/') =>
      (await server!.post('/urls', { original_url, title })).body.id as number
    const indigo = await made('INDIGO night')
    const lower = await made('indigo day')
    const host = await made('third', 'https://INDIGO.Example/PATH')
    const decoy = await made('undago')
    const percent = await made('100%_I')
    const umlaut = await made('ÄRGER über Größe')
    const found = async (q: string) =>
      (await server!.get(`/urls?q=${encodeURIComponent(q)}`)).body.map(({ id }: { id: number }) => id).sort()
    for (const q of ['indigo', 'INDIGO', 'Indigo', 'iNDIGo'])
      expect([q, await found(q)]).toEqual([q, [indigo, lower, host].sort()])
    expect(await found('INDIGO NIGHT')).toEqual([indigo])
    expect(await found('undAGO')).toEqual([decoy])
    expect(await found('%_i')).toEqual([percent])
    for (const q of ['ärger', 'ÄRGER', 'ÜBER GRÖ']) expect([q, await found(q)]).toEqual([q, [umlaut]])
    expect(await found('orger')).toEqual([])
    expect((await server.get('/api/export/links.csv?q=INDIGO')).text.trim().split('\r\n')).toHaveLength(4)

    // The same by relevance, and among so many links that the index is asked.
    const searches = ['INDIGO', 'indigo night', '%_i', 'ärger', 'ÜBER GRÖ', 'orger', 'ın', 'IN']
    const expected = await Promise.all(searches.map(found))
    await server.database.run(
      (sql) => sql`
        insert into urls (short_code, original_url, title)
        select 'filler-' || n, 'https://filler.example/' || n, 'Filler' from generate_series(1, 3000) n`,
      60_000,
    )
    for (const [at, q] of searches.entries()) {
      expect([q, await found(q)]).toEqual([q, expected[at]!])
      const { body } = await server.get(`/urls?sort=relevance&q=${encodeURIComponent(q)}`)
      const ranked = body.map(({ id }: { id: number }) => id).sort()
      if (/ä|Ü/.test(q)) expect([q, [[], expected[at]!]]).toEqual([q, expect.arrayContaining([ranked])])
      else expect([q, ranked]).toEqual([q, expected[at]!])
    }
  })

  test('a blocked host is found, however a link writes it', async () => {
    if (!server) return
    await server.post('/urls', { original_url: 'https://WIKI.invalid.example/I' })
    const { body } = await server.post('/api/blocklist', { host: 'wiki.invalid.example' })
    expect(body.links).toBe(1)
    expect((await server.get('/urls?blocked=true')).body).toHaveLength(1)
  })

  test('a referring host is counted once', async () => {
    if (!server) return
    const { body: link } = await server.post('/urls', { original_url: 'https://example.com/', short_code: 'referred' })
    for (const referrer of ['https://INSIDE.example/x', 'https://inside.example/y'])
      await server.post('/events', { event_type: 'click', url_id: link.id, details: { referrer } })
    await fetch(`${server.base}/referred`, {
      redirect: 'manual',
      headers: { referer: 'https://Inside.EXAMPLE/', 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0' },
    })
    const { body } = await server.settled(`/urls/${link.id}/stats`)
    expect(body.referrers.map(({ clicks, ...rest }: { clicks: number }) => [Object.values(rest)[0], clicks])).toEqual([
      ['inside.example', 3],
    ])
  })
})
