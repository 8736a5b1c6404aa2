// Visitors during a lock in the database: three real replicas, and what they report from the first second to the last.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres from 'postgres'
import { type Child, startChild } from './child.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { UNLIMITED } from './server.ts'
import { until } from './until.ts'

const installed = serverBinaries() !== undefined
if (!installed) console.warn('SKIPPED: test/flapping.test.ts (PostgreSQL is not installed)')

const LOCKED_FOR = 25_000
/** ms. On a machine where it takes longer to reach a database that answers, a replica may rightly call it unreachable. */
const QUIET = 300
const ADMIN_TOKEN = 'an-operators-long-token'
const BEARER = { authorization: `Bearer ${ADMIN_TOKEN}` }

describe.skipIf(!installed)('a fleet whose database is locked', () => {
  let cluster: Cluster
  let database: string
  const children: Child[] = []
  const get = async ({ base }: Child, path: string) =>
    (await (await fetch(base + path, { headers: BEARER, redirect: 'manual', signal: AbortSignal.timeout(20_000) })).json()) as any

  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    database = await cluster.createDatabase()
    const start = () =>
      startChild({ DATABASE_URL: database, DATA_DIR: temporaryFolder(), ADMIN_TOKEN, LOG_LEVEL: 'fatal', ...UNLIMITED })
    children.push(await start(), ...(await Promise.all([start(), start()])))
    await fetch(`${children[0]!.base}/urls`, {
      method: 'POST',
      headers: { ...BEARER, 'content-type': 'application/json' },
      body: JSON.stringify({ original_url: 'https://example.com/', short_code: 'known' }),
    })
  })
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL')
    await cluster?.end()
  })

  test('says so once, and once that it is over', async () => {
    const said: string[] = []
    const watching = new AbortController()
    for (const child of children) while ((await get(child, '/api/overview')).troubles.length > 0) await Bun.sleep(500) // of a start on a busy machine
    const stream = await fetch(`${children[0]!.base}/api/overview/stream?replica=all`, {
      headers: { ...BEARER, accept: 'text/event-stream' },
      signal: watching.signal,
    })
    const listening = (async () => {
      let rest = ''
      for await (const text of stream.body!.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>) {
        const lines = (rest + text).split('\n')
        rest = lines.pop()!
        for (const line of lines)
          if (line.startsWith('data: ')) {
            const { troubles } = JSON.parse(line.slice(6))
            if (troubles && said.at(-1) !== troubles.join('\n')) said.push(troubles.join('\n'))
          }
      }
    })().catch(() => {})

    let visiting = true
    let visits = 0
    const visitors = Promise.all(
      ['/known', '/never-seen', '/urls?per_page=5', '/urls/known/stats'].map(async (path) => {
        for (; visiting; visits++) {
          const child = children[visits % 3]!
          const asked = path === '/never-seen' ? `${path}${visits}` : path
          void fetch(child.base + asked, { headers: BEARER, redirect: 'manual' }).catch(() => {})
          await Bun.sleep(150)
        }
      }),
    )

    let looking = true
    let longest = 0 // ms that a new connection and its first answer take here: a replica looks for the database in the same way
    const looks = (async () => {
      for (; looking; await Bun.sleep(250)) {
        const from = performance.now()
        const look = postgres(database, { max: 1, onnotice: () => {}, fetch_types: false })
        await look`select 1`
        longest = Math.max(longest, performance.now() - from)
        await look.end()
      }
    })()

    const sql = postgres(database, { max: 1, onnotice: () => {} })
    await sql.begin(async (sql) => {
      await sql`lock table urls in access exclusive mode`
      await Bun.sleep(LOCKED_FOR) // what it is about
    })
    await sql.end()
    const during = said.filter((text) => text !== '') // the first event may come when the lock is there already
    const isOver = (text = '') => /^All replicas: The database was (slow|unreachable) until|^$/.test(text)
    const until = performance.now() + 90_000
    while (!isOver(said.at(-1)) && performance.now() < until) await Bun.sleep(200)
    visiting = looking = false
    await Promise.all([visitors, looks])
    watching.abort()
    await listening

    const isQuiet = longest < QUIET
    expect(during.join()).toMatch(isQuiet ? /database has been slow since/ : /database has been (slow|unreachable) since/)
    expect(said.length, said.join('\n\n')).toBeLessThanOrEqual(4) // nothing; it is slow; it was; nothing
    expect(said.at(-1)).toSatisfy(isOver)
    for (const child of children) {
      const { history } = await get(child, '/api/alerts')
      const names = history.map(({ name }: { name: string }) => name)
      expect(names.length).toBe(new Set(names).size) // each at most once
      expect(names).toContainEqual(isQuiet ? 'database_slow' : expect.stringMatching(/^(database_slow|service_down)$/))
    }
  })

  test('is unreachable when the server is gone, and says that it was when it is back', async () => {
    await cluster.control!.stop('immediate')
    const conditionOf = async (child: Child) => (await get(child, '/api/overview')).now.database
    await until('all know', async () =>
      (await Promise.all(children.map(conditionOf))).every(({ condition }) => condition === 'unreachable'),
    )
    await cluster.control!.start()
    await until('its breakers are closed', async () =>
      (await Promise.all(children.map(conditionOf))).every(({ state }) => state === 'up'),
    )
    expect((await conditionOf(children[1]!)).condition).toBe('unreachable') // it has not answered for ten seconds
    await until('it is believed', async () =>
      (await Promise.all(children.map(conditionOf))).every(({ condition }) => condition === 'up'),
    )
    const { troubles, problems } = await get(children[2]!, '/api/overview?replica=all')
    expect(troubles).toEqual([expect.stringMatching(/^All replicas: The database was unreachable until \S+\. /)])
    expect(problems).toMatchObject([{ cause: 'database', state: 'over' }])
  })
})
