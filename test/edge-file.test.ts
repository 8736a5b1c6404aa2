// The file of the edge copy, damaged or of another release: the server starts, builds it again, and never answers from one that it cannot keep in
// step. On a real PostgreSQL, stopped for real.
import { Database as Sqlite } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const LINKS = 3_000
const codeOf = (n: number) => `code-${n}`
const targetOf = (n: number) => `https://example.com/${n}`

function inFile(file: string, ...statements: string[]) {
  const copy = new Sqlite(file)
  for (const statement of statements) copy.run(statement)
  copy.run('pragma wal_checkpoint(truncate)')
  copy.close()
}

/** Rubbish over all pages of the file but the first three, where its tables are named. */
function spoilPages(file: string) {
  const descriptor = openSync(file, 'r+')
  for (let at = 3 * 4096; at < statSync(file).size; at += 4096) writeSync(descriptor, Buffer.alloc(4096, 0xa5), 0, 4096, at)
}

function putFolder(file: string) {
  rmSync(file)
  mkdirSync(join(file, 'inner'), { recursive: true })
}

type Spoil = [name: string, spoil: (file: string) => void, asideAs?: string]

const taken: Spoil[] = [
  ['as it was left', () => {}],
  ['of release 0.1.0', (file) => inFile(file, 'pragma user_version = 0')],
]
const refused: Spoil[] = [
  ['a column less', (file) => inFile(file, 'alter table links drop column version'), 'older'],
  ['another column', (file) => inFile(file, "alter table links add column note text not null default ''"), 'older'],
  [
    'a column that must be given',
    (file) =>
      inFile(
        file,
        'drop table links',
        'create table links (code text primary key, id integer not null, location text, active integer not null, version integer not null, rule text not null) without rowid',
      ),
    'older',
  ],
  ['a column of another name', (file) => inFile(file, 'alter table links rename column location to target'), 'older'],
  ['a trigger', (file) => inFile(file, 'create trigger never before update on links begin select raise(ignore); end'), 'older'],
  ['a table less', (file) => inFile(file, 'drop table position'), 'older'],
  ['of the next release', (file) => inFile(file, 'pragma user_version = 9'), 'newer'],
  ['a position that is none', (file) => inFile(file, "update position set snapshot = 'yesterday'"), 'damaged'],
  ['a position of another type', (file) => inFile(file, "update position set at = 'noon'"), 'damaged'],
  ['cut off', (file) => truncateSync(file, 10_000), 'damaged'],
  ['cut off within its header', (file) => truncateSync(file, 50), 'damaged'],
  ['not a database', (file) => writeFileSync(file, 'rubbish '.repeat(1000)), 'damaged'],
  ['of zeros', (file) => writeFileSync(file, Buffer.alloc(8192)), 'damaged'],
  ['a folder', putFolder, 'unreadable'],
  [
    'a log of rubbish beside a file of rubbish',
    (file) => ['', '-wal'].forEach((end) => writeFileSync(file + end, 'rubbish '.repeat(1000))),
    'damaged',
  ],
]
const emptied: Spoil[] = [
  ['empty', (file) => truncateSync(file, 0)],
  ['missing', (file) => rmSync(file)],
]
/** Found out when the row is read. */
const later: Spoil[] = [
  [
    'with rows of other types',
    (file) => inFile(file, "update links set active = 'yes'", "update links set id = 'x' where code < 'code-2'"),
    'damaged',
  ],
  ['with pages of rubbish', spoilPages, 'damaged'],
  [
    'with a position that the database is yet to reach',
    (file) => inFile(file, "update position set snapshot = '999999999:999999999:'"),
  ],
]

if (!serverBinaries()) console.warn('SKIPPED: damaged files of the edge copy (PostgreSQL is not installed)')

describe.skipIf(!serverBinaries())('a file of the edge copy', () => {
  let cluster: Cluster
  let url: string
  let whole: string
  const sql = (work: (sql: postgres.Sql) => Promise<unknown>) => {
    const own = postgres(url, { max: 1, onnotice: () => {} })
    return work(own).finally(() => own.end())
  }
  const fileIn = (folder: string) => join(folder, 'replicas', '0', 'edge.sqlite')
  const start = (DATA_DIR: string) =>
    serveOn(
      { name: 'external', settings: async () => ({ DATA_DIR, DATABASE_URL: url, AUTH: 'off' }), open: () => Promise.reject() },
      UNLIMITED,
    )
  const answer = async (server: TestServer, n: number) => {
    const { status, headers } = await server.get(`/${codeOf(n)}`)
    return headers.get('location') ?? status
  }
  /** The copy is in use and holds every link. */
  const isBuilt = async (server: TestServer) => {
    const { text } = await server.get('/metrics')
    return /^waypost_edge_copy_usable 1$/m.test(text) && new RegExp(`^waypost_edge_links ${LINKS}$`, 'm').test(text)
  }
  const asides = (folder: string) =>
    readdirSync(join(folder, 'replicas', '0')).filter((name) => /^edge\.sqlite\.[a-z]+$/.test(name))

  function spoilt(spoil: (file: string) => void): string {
    const folder = temporaryFolder()
    cpSync(whole, folder, { recursive: true })
    spoil(fileIn(folder))
    return folder
  }

  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    url = await cluster.createDatabase()
    whole = temporaryFolder()
    const server = await start(whole)
    await sql(
      (sql) =>
        sql`insert into urls (short_code, original_url) select 'code-' || n, 'https://example.com/' || n from generate_series(1, ${LINKS}) n`,
    )
    await until(
      'the links are in the copy',
      async () => Number((await server.get('/metrics')).text.match(/changes_applied_total (\d+)/)?.[1]) >= LINKS,
    )
    await server.stop()
  })
  afterAll(() => cluster?.end())

  test('is put aside where it cannot be used, and built again; no start is stopped', async () => {
    for (const batch of [[...taken, ...emptied, ...later], refused.slice(0, 8), refused.slice(8)]) {
      const all = await Promise.all(
        batch.map(async ([name, spoil, asideAs]) => ({ name, asideAs, server: await start(spoilt(spoil)) })),
      )
      for (const n of [1, 1_500, LINKS])
        for (const { name, server } of all) await until(`${name} answers`, async () => (await answer(server, n)) === targetOf(n))
      const changed = `https://example.com/changed-${crypto.randomUUID()}`
      await sql((sql) => sql`update urls set original_url = ${changed} where short_code = 'code-7'`)
      for (const { name, server } of all) {
        await until(`${name}: the change is obeyed`, async () => (await answer(server, 7)) === changed)
        await until(`${name}: the copy is whole`, () => isBuilt(server))
      }
      await cluster.control!.stop('immediate')
      for (const { name, server, asideAs } of all) {
        expect([name, await answer(server, 7), await answer(server, 2_999)]).toEqual([name, changed, targetOf(2_999)])
        const said = server.ring
          .read({ limit: 1_000 })
          .filter(({ level, file }) => level === 'error' && String(file).endsWith('edge.sqlite'))
        expect([name, said.length, asides(server.config.DATA_DIR)]).toEqual([
          name,
          asideAs ? 1 : 0,
          asideAs ? [`edge.sqlite.${asideAs}`] : [],
        ])
      }
      await cluster.control!.start()
      await Promise.all(all.map(({ server }) => server.stop()))
    }
  })

  test('answers without the database only where it can be trusted', async () => {
    await cluster.control!.stop('fast')
    try {
      const few = refused.filter((_, i) => i % 3 === 0)
      const [known, unknown, partly] = await Promise.all([
        Promise.all(taken.map(([, spoil]) => start(spoilt(spoil)))),
        Promise.all([...few, ...emptied].map(async ([name, spoil]) => ({ name, server: await start(spoilt(spoil)) }))),
        Promise.all(later.slice(0, 2).map(([, spoil]) => start(spoilt(spoil)))),
      ])
      for (const server of known) expect(await answer(server, 12)).toBe(targetOf(12))
      for (const { name, server } of unknown) expect([name, await answer(server, 12)]).toEqual([name, 503])
      for (const server of partly)
        for (let n = 1; n <= LINKS; n += 50) expect([503, targetOf(n)]).toContain(await answer(server, n))
      await cluster.control!.start()
      await Promise.all(
        [...known, ...partly, ...unknown.map(({ server }) => server)].map(async (server) => {
          await until('it is back', async () => (await answer(server, 12)) === targetOf(12))
          await server.stop()
        }),
      )
    } finally {
      await cluster.control!.start().catch(() => {})
    }
  })

  test('that is damaged under a running server is built again', async () => {
    const folder = spoilt(() => {})
    const server = await start(folder)
    await until('it is in use', () => isBuilt(server))
    spoilPages(fileIn(folder))
    for (let n = 100; n <= LINKS; n += 50)
      await until(`${codeOf(n)} is answered`, async () => {
        const got = await answer(server, n)
        expect([503, targetOf(n)]).toContain(got)
        return got !== 503
      })
    await until('it is built again', () => existsSync(`${fileIn(folder)}.damaged`))
    await until('it is in use again', () => isBuilt(server))
    await server.stop()
  })
})
