// The primary dies or freezes, its standby is promoted: two replicas under load go over to it by themselves, and lose nothing.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { readConfig } from '../src/config/config.ts'
import { type DatabaseAddress, externalAddress } from '../src/database/address.ts'
import { connect } from '../src/database/connect.ts'
import { openDatabase } from '../src/database/open.ts'
import { followServers } from '../src/database/servers.ts'
import { wireTo } from '../survive/wire.ts'
import { type Child, startChild } from './child.ts'
import { databases, quiet } from './databases.ts'
import { openPair } from './pair.ts'
import { freePort, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn } from './server.ts'
import { until } from './until.ts'

const installed = serverBinaries() !== undefined
if (!installed) console.warn('SKIPPED: test/failover.test.ts (PostgreSQL is not installed)')

const BACK_WITHIN = 60_000
const LINKS = 20

async function query<T extends object>(url: string, work: (sql: postgres.Sql) => PromiseLike<T[]>): Promise<T[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return [...(await work(sql))]
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** A steady load on all replicas, and a ledger of what they answered. */
function startLoad(replicas: Child[], codes: string[], name: string) {
  const ledger = { redirects: 0, failed: [] as unknown[], created: [] as string[], refused: new Map<number, number>() }
  let going = true
  const loop = async (every: number, work: (n: number) => Promise<void>) => {
    for (let n = 0; going; n++) {
      await work(n)
      await Bun.sleep(every)
    }
  }
  const loops = replicas.flatMap(({ base, call }, replica) => [
    loop(5, async (n) => {
      const answer = await fetch(`${base}/${codes[n % codes.length]}`, { redirect: 'manual' })
      if (answer.status === 302) ledger.redirects++
      else ledger.failed.push([answer.status, await answer.text()])
    }),
    ...[1, 2].map((lane) =>
      loop(20, async (n) => {
        const short_code = `${name}-${replica}-${lane}-${n}`
        const { status } = await call('POST', '/urls', { original_url: `https://example.com/${short_code}`, short_code })
        if (status === 201) ledger.created.push(short_code)
        else ledger.refused.set(status, (ledger.refused.get(status) ?? 0) + 1)
      }),
    ),
  ])
  return {
    ledger,
    async stop() {
      going = false
      await Promise.all(loops)
      return ledger
    },
  }
}

describe.skipIf(!installed)('two replicas on a primary and its standby', () => {
  let pair: Awaited<ReturnType<typeof openPair>>
  let urls: Awaited<ReturnType<(typeof pair)['createDatabase']>>
  let replicas: Child[]
  const ofSecond = temporaryFolder()
  const settings = (DATA_DIR = temporaryFolder()) => ({ DATA_DIR, DATABASE_URL: urls.both, AUTH: 'off', LOG_LEVEL: 'fatal' })
  const codes = Array.from({ length: LINKS }, (_, n) => `known-${n}`)
  const target = { original_url: 'https://example.com/' }

  beforeAll(async () => {
    pair = await openPair()
    urls = await pair.createDatabase()
    const first = await startChild(settings())
    replicas = [first, await startChild(settings(ofSecond))]
    for (const short_code of codes) expect((await first.call('POST', '/urls', { ...target, short_code })).status).toBe(201)
    for (const replica of replicas)
      for (const code of codes) await until('both know every link', async () => (await look(replica, code)) === 302)
  })
  afterAll(async () => {
    for (const replica of replicas ?? []) replica.kill('SIGKILL')
    await pair?.end()
  })

  /** HEAD is no click. */
  const look = async ({ base }: Child, code: string) =>
    (await fetch(`${base}/${code}`, { method: 'HEAD', redirect: 'manual' })).status
  const works = async ({ call }: Child) =>
    (await call('POST', '/urls', target)).status === 201 && (await call('GET', '/ready')).body.status === 'ready'
  const allWork = async () => (await Promise.all(replicas.map(works))).every(Boolean)

  test('a change that the standby did not confirm is not acknowledged, also when the wait for it is called off', async () => {
    pair.second.signal('SIGSTOP')
    try {
      const answer = replicas[0]!.call('POST', '/urls', target)
      const callOff = () =>
        query(
          urls.first,
          (sql) => sql`select pg_cancel_backend(pid) from pg_stat_activity
            where wait_event = 'SyncRep' and query like '%insert into urls%' and datname = current_database()`,
        )
      await until('the commit waits', async () => (await callOff()).length > 0)
      expect((await answer).status).toBe(503)
    } finally {
      pair.second.signal('SIGCONT')
    }
    await until('the standby is back', allWork)
  })

  test('silently cut connections are replaced, and the change feed continues', async () => {
    const way = await openWay(pair.first.port)
    const server = await serveOn({
      ...databases.find(({ name }) => name === 'external')!,
      settings: async () => ({
        DATA_DIR: temporaryFolder(),
        DATABASE_URL: Object.assign(new URL(urls.first), { port: String(way.port) }).href,
      }),
    })
    try {
      const { body: link } = await server.post('/urls', target)
      await Promise.all(Array.from({ length: 30 }, () => server.get('/users'))) // every connection of the pool is made
      expect(way.cut()).toBeGreaterThan(5)
      await query(urls.first, (sql) => sql`update urls set is_active = false where id = ${link.id}`)
      await until('the change is obeyed', async () => (await server.get(`/${link.short_code}`)).status === 404)
      const answers = await Promise.all(Array.from({ length: 10 }, () => server.post('/urls', target)))
      expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(201))
    } finally {
      way.letGo()
      await server.stop()
      way.close()
    }
  })

  /** Looks on its own for the primary among these ports. */
  function serversAt(...ports: number[]) {
    const hosts = ports.map((port) => ({ host: '127.0.0.1', port }))
    const address = externalAddress({ DATABASE_URL: urls.first }) as Extract<DatabaseAddress, { kind: 'external' }>
    return followServers(hosts, (host) => connect({ ...address, hosts: [host] }, 1, { fetch_types: false }), quiet().log)
  }

  test('a distant primary has its full time to answer, however quickly a standby says that it is not the primary', async () => {
    const wire = await wireTo(pair.first.port)
    try {
      wire.slow(300)
      const servers = serversAt(pair.second.port, wire.port)
      const began = performance.now()
      expect(await servers.find(10_000)).toBe(true)
      expect(servers.current().port).toBe(wire.port)
      expect(performance.now() - began).toBeGreaterThan(1_000) // else this tries nothing
    } finally {
      wire.close()
    }
  })

  test('the first primary that a process follows is no move, wherever it is in the list, and however late', async () => {
    const wire = await wireTo(pair.first.port)
    wire.cut()
    const url = urls.first.replace(/@[^/]+/, `@127.0.0.1:${pair.second.port},127.0.0.1:${wire.port}`)
    const database = await openDatabase(readConfig({ DATABASE_URL: url, DATA_DIR: temporaryFolder() }, {}), quiet().log)
    try {
      await until('it was asked', () => database.state() === 'down')
      wire.heal()
      await until('it is followed', () => database.state() === 'up')
      expect(database.figures().moves).toBe(0)
    } finally {
      await database.close()
      wire.close()
    }
  })

  // The second is promoted when the first is killed; the first comes back as its standby, and is promoted when the second is frozen.
  describe.each(['SIGKILL', 'SIGSTOP'] as const)('%s to the primary, and the standby promoted:', (signal) => {
    const [from, to] = signal === 'SIGKILL' ? (['first', 'second'] as const) : (['second', 'first'] as const)
    let lone: Awaited<ReturnType<typeof openDatabase>> | undefined
    afterAll(() => lone?.close())
    const onceFrozen = signal === 'SIGSTOP' ? test : () => {}

    onceFrozen('a server that is a standby counts as away', async () => {
      await pair.first.follow(pair.second)
      await until('both replicas stay where they are', allWork)
      const { log } = quiet()
      lone = await openDatabase(readConfig({ DATABASE_URL: urls.first, DATA_DIR: temporaryFolder() }, {}), log)
      await until('it was asked', () => lone!.state() === 'down')
    })

    test('no redirect, acknowledged link or click is lost, and all continue on their own', async () => {
      const counted = async () =>
        (
          await query<{ clicks: number; events: number }>(
            urls[to],
            (sql) => sql`select (select coalesce(sum(clicks), 0)::int from link_totals) as clicks,
              (select count(*)::int from clicks) as events`,
          )
        )[0]!
      const before = await counted()
      const load = startLoad(replicas, codes, signal)
      await until('there is a load', () => load.ledger.created.length > 20 && load.ledger.redirects > 50)
      pair[from].signal(signal)
      const watching = serversAt(pair[from].port, pair[to].port)
      const found = signal === 'SIGSTOP' ? watching.find(BACK_WITHIN) : true // it waits for the frozen one
      await pair[to].promote()
      const promoted = performance.now()
      await until('both replicas write again', allWork)
      expect(await found).toBe(true)
      if (process.env.FAILOVER_SAYS) console.log(signal, 'back', Math.round(performance.now() - promoted), 'ms after promotion')
      const until20 = load.ledger.created.length + 20
      await until('the load goes on', () => load.ledger.created.length > until20)
      const { failed, created, redirects, refused } = await load.stop()
      if (process.env.FAILOVER_SAYS) console.log({ redirects, created: created.length, refused })

      expect(failed).toEqual([])
      expect([...refused.keys()].filter((status) => status !== 503)).toEqual([]) // no prepared statement of the old primary, say
      const stored = new Set(
        (await query<{ code: string }>(urls[to], (sql) => sql`select short_code as code from urls`)).map(({ code }) => code),
      )
      expect(created.filter((code) => !stored.has(code))).toEqual([])
      const after = { clicks: before.clicks + redirects, events: before.events + redirects }
      await until('every click is stored', async () => (await counted()).clicks >= after.clicks)
      expect(await counted()).toEqual(after)
    })

    test('a change made on the new primary is obeyed by every replica', async () => {
      const code = codes.pop()!
      await query(urls[to], (sql) => sql`update urls set is_active = false where short_code = ${code}`)
      for (const replica of replicas) await until('it is switched off', async () => (await look(replica, code)) === 404)
    })

    onceFrozen('what counted as away is there, now that it was promoted', async () => {
      await until('it is there', () => lone!.state() === 'up')
    })

    onceFrozen('the old primary is not followed when it comes back, not even where its successor is gone', async () => {
      pair[from].signal('SIGCONT')
      const [old] = await query<{ standby: boolean }>(urls[from], (sql) => sql`select pg_is_in_recovery() as standby`)
      expect(old!.standby).toBe(false) // it takes itself for the primary
      pair[to].signal('SIGSTOP')
      try {
        for (const { call } of replicas)
          await until('the outage is noticed', async () => (await call('GET', '/ready')).body.status === 'degraded')
        const second = replicas.pop()!
        second.kill('SIGKILL')
        await second.exited
        const said = join(ofSecond, 'said')
        replicas.push(await startChild({ ...settings(ofSecond), LOG_LEVEL: 'error' }, 'degraded', said)) // what it knew, it still knows
        await Bun.sleep(1_000) // two looks for a primary
        for (const { call } of replicas) expect((await call('GET', '/users')).status).toBe(503)
        expect(readFileSync(said, 'utf8')).toMatch(/left behind by a failover .*primary\.json/)
      } finally {
        pair[to].signal('SIGCONT')
      }
      await until('they are back', allWork)
    })
  })
})

/** A proxy to a port whose connections can be cut without either end noticing. */
async function openWay(to: number) {
  type Ends = { back?: Bun.Socket; early: Uint8Array[]; silent: boolean }
  const ways = new Set<Bun.Socket<Ends>>()
  const port = await freePort()
  const listener = Bun.listen<Ends>({
    hostname: '127.0.0.1',
    port,
    socket: {
      open(socket) {
        socket.data = { early: [], silent: false }
        ways.add(socket)
        void Bun.connect({
          hostname: '127.0.0.1',
          port: to,
          socket: {
            open(back) {
              socket.data.back = back
              for (const bytes of socket.data.early) back.write(bytes)
            },
            data: (_, bytes) => void (socket.data.silent || socket.write(bytes)),
            close: () => void (socket.data.silent || socket.end()),
          },
        })
      },
      data(socket, bytes) {
        if (socket.data.silent) return
        if (socket.data.back) socket.data.back.write(bytes)
        else socket.data.early.push(Buffer.from(bytes))
      },
      close(socket) {
        ways.delete(socket)
        socket.data.back?.end()
      },
    },
  })
  return {
    port,
    cut() {
      for (const { data } of ways) data.silent = true
      return ways.size
    },
    /** Tells both ends of those that are cut. */
    letGo() {
      for (const way of ways) if (way.data.silent) way.end()
    },
    close: () => listener.stop(true),
  }
}
