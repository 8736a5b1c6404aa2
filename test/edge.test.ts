// Two servers on one database, and their copies of every link: obeyed at once here and within a second there, kept while the database is unreachable,
// rebuilt if it is another one. On a real PostgreSQL, stopped, swapped, dumped and promoted for real.

import { Database as Sqlite } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres, { type Sql } from 'postgres'
import { databases } from './databases.ts'
import { type Cluster, freePort, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

const external = Boolean(serverBinaries())
if (!external) console.warn('SKIPPED: two servers on one database, and their edge copies (PostgreSQL is not installed)')

describe.skipIf(!external)('the edge copy', () => {
  let cluster: Cluster
  const servers: TestServer[] = []
  beforeAll(async () => {
    cluster = await openCluster({ own: true })
  })
  afterAll(async () => {
    for (const server of servers) await server.stop()
    await cluster.end()
  })

  async function serve(url: string, settings: Record<string, string> = {}) {
    const kind = { ...databases.at(-1)!, settings: async () => ({ DATA_DIR: temporaryFolder(), DATABASE_URL: url }) }
    const server = await serveOn(kind, { AUTH: 'off', ...settings })
    servers.push(server)
    const stop = async () => {
      servers.splice(servers.indexOf(server), 1)
      return server.stop()
    }
    const figure = async (name: string) =>
      Number(new RegExp(`^\\w*${name} (\\S+)`, 'm').exec((await server.get('/metrics')).text)?.[1] ?? 'NaN')
    return {
      ...server,
      stop,
      figure,
      status: async (code: string) => (await server.get(`/${code}`)).status,
      location: async (code: string) => (await server.get(`/${code}`)).headers.get('location'),
      make: async (original_url = 'https://example.com/made') =>
        (await server.post('/urls', { original_url })).body as { id: number; short_code: string },
    }
  }
  type Served = Awaited<ReturnType<typeof serve>>

  const copyOf = (server: Served, slot = 0) => join(server.config.DATA_DIR, 'replicas', String(slot), 'edge.sqlite')
  /** The server keeps the file to itself, so we look at a copy of it and of its log. */
  const taken = join(temporaryFolder(), 'edge.sqlite')
  const inCopy = (file: string, code: string) => {
    rmSync(`${taken}-wal`, { force: true })
    for (const ending of ['', '-wal']) if (existsSync(file + ending)) cpSync(file + ending, taken + ending)
    const copy = new Sqlite(taken)
    const row = copy.query('select location, active, version from links where code = ?').get(code)
    copy.close()
    return row as { location: string | null; active: number; version: number } | null
  }
  const known = (server: Served, code: string, slot = 0) =>
    until('the link is in the copy', () => inCopy(copyOf(server, slot), code) !== null)

  async function query<T>(url: string, work: (sql: Sql) => Promise<T>): Promise<T> {
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    try {
      return await work(sql)
    } finally {
      await sql.end()
    }
  }

  describe.each([
    ['with folders of their own', false],
    ['on one folder, in two slots', true],
  ])('of two servers %s', (_, shared) => {
    let url: string
    let one: Served
    let two: Served
    beforeAll(async () => {
      url = await cluster.createDatabase()
      one = await serve(url)
      two = await serve(url, shared ? { DATA_DIR: one.config.DATA_DIR } : {})
    })
    afterAll(async () => {
      await one.stop()
      await two.stop()
    })

    test('a link made on one redirects at once through the other', async () => {
      for (let i = 0; i < 50; i++) {
        const link = await one.make(`https://example.com/${i}`)
        expect(await two.location(link.short_code)).toBe(`https://example.com/${i}`)
      }
      if (shared) expect(existsSync(copyOf(one, 1))).toBe(true)
    })

    const changes: [string, (link: { id: number }, user: { id: number }) => Promise<unknown>, number][] = [
      ['a change', (link) => one.call('PUT', `/urls/${link.id}`, { original_url: 'https://example.com/changed' }), 302],
      ['a deactivation', (link) => one.call('PUT', `/urls/${link.id}`, { is_active: false }), 404],
      ['a deletion', (link) => one.call('DELETE', `/urls/${link.id}`), 404],
      ['a purge', (link) => one.call('DELETE', `/urls/${link.id}?purge=true`), 404],
      ['the end of its user', (_link, user) => one.call('DELETE', `/users/${user.id}`), 404],
    ]
    test.each(changes)(
      '%s is obeyed at once where it is made, and within a second by the other',
      async (what, change, status) => {
        const name = `u${Bun.randomUUIDv7()}`
        const { body: user } = await one.post('/users', { username: name, email: `${name}@example.com` })
        const { body: link } = await one.post('/urls', { original_url: 'https://example.com/before', user_id: user.id })
        for (const server of [one, two]) {
          await known(server, link.short_code, shared && server === two ? 1 : 0)
          expect(await server.location(link.short_code)).toBe('https://example.com/before') // in memory now
        }
        await change(link, user)
        const obeys = async (server: Served) => {
          const answer = await server.get(`/${link.short_code}`)
          return (
            answer.status === status && (what !== 'a change' || answer.headers.get('location') === 'https://example.com/changed')
          )
        }
        expect(await obeys(one)).toBe(true)
        await until('the other obeys', () => obeys(two))
      },
    )

    test('a change without a notice is obeyed by both within a second', async () => {
      const link = await one.make()
      await known(two, link.short_code, shared ? 1 : 0)
      for (const server of [one, two]) expect(await server.status(link.short_code)).toBe(302)
      await query(url, (sql) => sql`update urls set is_active = false where id = ${link.id}`)
      for (const server of [one, two]) await until('it obeys', async () => (await server.status(link.short_code)) === 404)
      await query(
        url,
        (sql) => sql`update urls set is_active = true, original_url = 'https://example.com/again' where id = ${link.id}`,
      )
      for (const server of [one, two])
        await until('it obeys', async () => (await server.location(link.short_code)) === 'https://example.com/again')
    })

    test('changes by both at a time end in the same, which is what the database says', async () => {
      const link = await one.make()
      await Promise.all(
        Array.from({ length: 60 }, (_, i) =>
          [one, two][i % 2]!.call('PUT', `/urls/${link.id}`, { original_url: `https://example.com/${i}` }),
        ),
      )
      const [row] = await query(url, (sql) => sql`select original_url from urls where id = ${link.id}`)
      for (const server of [one, two])
        await until('it says what the database says', async () => (await server.location(link.short_code)) === row!.original_url)
      // Both follow a later change, so they have followed all that came before it.
      const later = await one.make()
      await query(url, (sql) => sql`update urls set is_active = false where id = ${later.id}`)
      for (const server of [one, two]) await until('it obeys', async () => (await server.status(later.short_code)) === 404)
      for (const server of [one, two]) expect(await server.location(link.short_code)).toBe(row!.original_url)
    })
  })

  test('answers for every link while the database is stopped, also after a start without it', async () => {
    const url = await cluster.createDatabase()
    const server = await serve(url)
    const links = await Promise.all(Array.from({ length: 100 }, (_, i) => server.make(`https://example.com/${i}`)))
    const gone = links.pop()!
    for (const link of links) await known(server, link.short_code)
    await server.call('DELETE', `/urls/${gone.id}`)
    const expectAll = async (served: Served) => {
      for (const [i, link] of links.entries()) expect(await served.location(link.short_code)).toBe(`https://example.com/${i}`)
      expect(await served.status(gone.short_code)).toBe(404)
      expect(await served.status('never-seen')).toBe(503)
    }
    await cluster.control!.stop('fast')
    try {
      await until('the breaker is open', async () => (await server.status('never-seen')) === 503)
      await expectAll(server)
      const { DATA_DIR } = server.config
      await server.stop()
      const [again, old, strict] = await Promise.all([
        serve(url, { DATA_DIR }),
        serve(url, { DATA_DIR: copied(DATA_DIR), EDGE_MAX_AGE: '1' }),
        serve(url, { DATA_DIR: copied(DATA_DIR), STALE_LIMIT: '1' }),
      ])
      await expectAll(again)
      for (const refuses of [old, strict]) {
        await until('it refuses', async () => (await refuses.status(links[0]!.short_code)) === 503)
        expect(await refuses.status(gone.short_code)).toBe(503)
      }
      await cluster.control!.start()
      for (const served of [again, old, strict]) {
        await until('it is back', async () => (await served.status('never-seen')) === 404)
        await until('it answers', async () => (await served.status(links[0]!.short_code)) === 302)
        await served.stop()
      }
    } finally {
      await cluster.control!.start().catch(() => {})
    }
  })

  function copied(folder: string) {
    const copy = temporaryFolder()
    Bun.spawnSync(['cp', '-r', `${folder}/replicas`, copy])
    return copy
  }

  test('that lags is not asked while the database is reachable, and is asked again when it is in step', async () => {
    const url = await cluster.createDatabase()
    const server = await serve(url, { MAX_STALENESS: '1' })
    const link = await server.make()
    await known(server, link.short_code)
    // A feed that fails while the database answers.
    await query(url, (sql) => sql`alter table urls rename column xid to xid_gone`)
    try {
      await until('it asks', async () => (await server.figure('changes_lag_seconds')) > 1.3)
      await query(url, (sql) =>
        sql.begin(async (tx) => {
          await tx`set local session_replication_role = replica`
          await tx`update urls set original_url = 'https://example.com/asked', version = version + 1, xid_gone = pg_current_xact_id()`
        }),
      )
      expect(await server.location(link.short_code)).toBe('https://example.com/asked')
      expect(inCopy(copyOf(server), link.short_code)?.location).toBe('https://example.com/made')
    } finally {
      await query(url, (sql) => sql`alter table urls rename column xid_gone to xid`)
    }
    await until('the copy is in step', () => inCopy(copyOf(server), link.short_code)?.location === 'https://example.com/asked')
    await until('it is asked', async () => (await server.get(`/${link.short_code}`)).headers.get('x-cache') === 'HIT')
    await server.stop()
  })

  describe('is rebuilt, and memory emptied, where the database is another behind the same address:', () => {
    async function swap(build: (name: string, url: string) => Promise<void>) {
      const url = await cluster.createDatabase()
      const name = new URL(url).pathname.slice(1)
      const server = await serve(url)
      const [stays, deleted, later] = [await server.make(), await server.make(), await server.make()]
      for (const link of [stays, deleted, later]) await known(server, link.short_code)
      for (const link of [stays, deleted, later]) expect(await server.status(link.short_code)).toBe(302)
      await build(name, url)
      return { url, server, stays, deleted, later }
    }

    /** In the new database `deleted` is deleted at the same version, or never was. */
    async function expectFollowed({ url, server, stays, deleted, later }: Awaited<ReturnType<typeof swap>>) {
      await until('the deleted link is gone', async () => (await server.status(deleted.short_code)) === 404)
      expect(await server.status(stays.short_code)).toBe(302)
      for (const [i, link] of [stays, later].entries()) {
        const to = `https://example.com/later${i}`
        await query(url, (sql) => sql`update urls set original_url = ${to} where short_code = ${link.short_code}`)
        await until('a later change is obeyed', async () => (await server.location(link.short_code)) === to)
        expect(inCopy(copyOf(server), link.short_code)?.location).toBe(to)
      }
      await server.stop()
    }

    const replace = (name: string, other: string) =>
      query(cluster.url, async (sql) => {
        await sql.unsafe(`drop database ${name} with (force)`)
        await sql.unsafe(`alter database ${other} rename to ${name}`)
      })
    const blank = (url: string, skipTriggers = false) =>
      query(url, (sql) =>
        sql.begin(async (tx) => {
          if (skipTriggers) await tx`set local session_replication_role = replica`
          const [last] = await tx`select id from urls order by id offset 1 limit 1`
          await tx`update urls set deleted_at = now(), original_url = null where id = ${last!.id}`
        }),
      )
    const beside = (url: string, name: string) => Object.assign(new URL(url), { pathname: `/${name}` }).href

    test('a database made from a template', async () => {
      const swapped = await swap(async (name, url) => {
        await query(cluster.url, async (sql) => {
          await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`
          for (let tries = 0; ; tries++) {
            const failed = await sql.unsafe(`create database ${name}_b template ${name}`).then(
              () => false,
              () => true,
            )
            if (!failed) break
            if (tries > 200) throw new Error('the template is in use')
            await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`
          }
        })
        await blank(beside(url, `${name}_b`), true) // without a new version: only another identity tells
        await replace(name, `${name}_b`)
      })
      await expectFollowed(swapped)
    })

    test('a dump of a cluster whose transactions are far ahead', async () => {
      const swapped = await swap(async (name, url) => {
        await query(url, (sql) =>
          sql.begin(async (tx) => {
            await tx`set local session_replication_role = replica`
            await tx`update urls set xid = (5000000 + id)::text::xid8`
          }),
        )
        const dump = Bun.spawnSync([join(serverBinaries()!, 'pg_dump'), '-d', url])
        await query(cluster.url, (sql) => sql.unsafe(`create database ${name}_b`))
        Bun.spawnSync([join(serverBinaries()!, 'psql'), '-q', '-d', beside(url, `${name}_b`)], {
          stdin: dump.stdout,
          stdout: 'ignore',
        })
        await blank(beside(url, `${name}_b`), true)
        await replace(name, `${name}_b`)
      })
      await expectFollowed(swapped)
      const [future] = await query(
        swapped.url,
        (sql) => sql`select count(*)::int as n from urls where xid >= pg_snapshot_xmax(pg_current_snapshot())`,
      )
      expect(future!.n).toBe(0)
    })

    test('a standby that was promoted, and never had the last changes', async () => {
      const primary = await openCluster({ own: true })
      const url = await primary.createDatabase()
      // The address that stays the same while what is behind it changes.
      let to = Number(new URL(url).port)
      const ways = new Set<{ end: () => void }>()
      const front = await freePort()
      const proxy = Bun.listen<{ back?: Bun.Socket; early: Uint8Array[] }>({
        hostname: '127.0.0.1',
        port: front,
        socket: {
          open(socket) {
            socket.data = { early: [] }
            ways.add(socket)
            Bun.connect({
              hostname: '127.0.0.1',
              port: to,
              socket: {
                open(back) {
                  socket.data.back = back
                  for (const bytes of socket.data.early) back.write(bytes)
                },
                data: (_back, bytes) => void socket.write(bytes),
                close: () => void socket.end(),
                error: () => void socket.end(),
              },
            }).catch(() => socket.end())
          },
          data(socket, bytes) {
            if (socket.data.back) socket.data.back.write(bytes)
            else socket.data.early.push(Buffer.from(bytes))
          },
          close(socket) {
            ways.delete(socket)
            socket.data.back?.end()
          },
        },
      })
      const { folder } = primary.control!
      const standbyPort = await freePort()
      const asOwner = (command: string[]) => {
        const owned =
          process.getuid?.() === 0 ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', ...command] : command
        const { exitCode, stderr } = Bun.spawnSync(owned, { stdout: 'ignore', cwd: folder })
        if (exitCode !== 0) throw new Error(`${command[0]}: ${stderr}`)
      }
      const pgctl = join(serverBinaries()!, 'pg_ctl')
      const options = `-p ${standbyPort} -k ${folder} -c listen_addresses=127.0.0.1 -c fsync=off`
      let server: Served | undefined
      try {
        server = await serve(Object.assign(new URL(url), { port: String(front) }).href)
        const [stays, deleted] = [await server.make(), await server.make()]
        asOwner([
          join(serverBinaries()!, 'pg_basebackup'),
          '-h',
          '127.0.0.1',
          '-p',
          new URL(url).port,
          '-U',
          'postgres',
          '-D',
          `${folder}/standby`,
          '-c',
          'fast',
          '--no-sync',
        ])
        const lost = await server.make('https://example.com/lost') // the standby never has it, and gives its transaction to another
        for (const link of [stays, deleted, lost]) await known(server, link.short_code)
        writeFileSync(`${folder}/standby/standby.signal`, '')
        chmodSync(`${folder}/standby/standby.signal`, 0o644)
        asOwner([pgctl, '-D', `${folder}/standby`, '-w', '-l', `${folder}/standby.log`, '-o', options, 'start'])
        asOwner([pgctl, '-D', `${folder}/standby`, '-w', 'promote'])
        const standby = Object.assign(new URL(url), { port: String(standbyPort) }).href
        await query(standby, (sql) => sql`update urls set deleted_at = now(), original_url = null where id = ${deleted.id}`)
        to = standbyPort
        for (const way of ways) way.end()
        await until('the deleted link is gone', async () => (await server!.status(deleted.short_code)) === 404)
        await until('the lost link is gone', async () => (await server!.status(lost.short_code)) === 404)
        expect(await server.status(stays.short_code)).toBe(302)
        await query(standby, (sql) => sql`update urls set is_active = false where id = ${stays.id}`)
        await until('a later change is obeyed', async () => (await server!.status(stays.short_code)) === 404)
      } finally {
        await server?.stop()
        proxy.stop(true)
        if (existsSync(`${folder}/standby/postmaster.pid`)) asOwner([pgctl, '-D', `${folder}/standby`, '-m', 'immediate', 'stop'])
        await primary.end()
      }
    })
  })

  test.each([
    ['garbage', (bytes: Uint8Array) => new Uint8Array(bytes.length).fill(0x5a)],
    ['nothing but a beginning', (bytes: Uint8Array) => bytes.slice(0, 100)],
    ['good to its second page', (bytes: Uint8Array) => bytes.map((byte, i) => (i < 4096 ? byte : 0xa5))],
  ])('that is %s is set aside or rebuilt, and no redirect fails', async (_, spoil) => {
    const url = await cluster.createDatabase()
    const first = await serve(url)
    const links = await Promise.all(
      Array.from({ length: 300 }, (_, i) => first.make(`https://example.com/${'x'.repeat(100)}${i}`)),
    )
    for (const link of links.slice(-3)) await known(first, link.short_code)
    const { DATA_DIR } = first.config
    const file = copyOf(first)
    await first.stop()
    writeFileSync(file, spoil(readFileSync(file)))
    writeFileSync(`${file}-wal`, 'what was left of another day')
    const second = await serve(url, { DATA_DIR })
    for (const link of links) expect(await second.status(link.short_code)).toBe(302)
    await until('the copy is whole', () => links.every((link) => inCopy(file, link.short_code) !== null))
    await second.stop()
  })

  test('that is damaged while it is used makes no redirect fail, and is rebuilt', async () => {
    const url = await cluster.createDatabase()
    const server = await serve(url, { CACHE_ENTRIES: '1' })
    const links = await Promise.all(
      Array.from({ length: 300 }, (_, i) => server.make(`https://example.com/${'x'.repeat(100)}${i}`)),
    )
    for (const link of links.slice(-3)) await known(server, link.short_code)
    const file = copyOf(server)
    for (const spoilt of [file, `${file}-wal`])
      writeFileSync(
        spoilt,
        readFileSync(spoilt).map((byte, i) => (i < 4096 ? byte : 0xa5)),
      )
    for (const link of links) expect(await server.status(link.short_code)).toBe(302)
    await query(url, (sql) => sql`update urls set is_active = false where id = ${links[0]!.id}`)
    await until('the change is obeyed', async () => (await server.status(links[0]!.short_code)) === 404)
    await server.stop()
  })

  describe.each(['edge', 'none'])('a row that leads to no web address, put in by SQL, with SECOND_TIER=%s,', (SECOND_TIER) => {
    const POISON = [
      'javascript:alert(1)',
      ' JavaScript:alert(1)',
      'java\nscript:alert(1)',
      'data:text/html,<script>alert(1)</script>',
      'file:///etc/passwd',
      '//evil.example/',
      `https://long.example/${'x'.repeat(8_192)}`, // no proxy passes such a header on
    ]
    let url: string
    let server: Served
    beforeAll(async () => {
      url = await cluster.createDatabase()
      await (await serve(url)).stop()
      await query(url, async (sql) => {
        for (const [i, target] of POISON.entries())
          await sql`insert into urls (short_code, original_url) values (${`old${i}`}, ${target})`
      })
      server = await serve(url, { SECOND_TIER }) // which copies those rows, or asks for them
    })
    afterAll(() => server.stop())

    const lines = (code: string) =>
      server.ring
        .read({ limit: 200, filter: 'is not an http or https address' })
        .filter((line) => (line as { code?: string }).code === code).length

    test('is answered with 404, here and in the preview, counted, and said once', async () => {
      for (const i of POISON.keys())
        for (let again = 0; again < 3; again++) {
          const { status, headers } = await server.get(`/old${i}`)
          expect([POISON[i], status, headers.get('location')]).toEqual([POISON[i], 404, null])
          expect((await server.get(`/old${i}+`)).status).toBe(404)
          expect(lines(`old${i}`)).toBe(1)
        }
      expect(await server.figure('targets_refused_total')).toBe(POISON.length)
    })

    test('gets 404 if it arrives later, through the feed or a miss, and redirects again when it is fixed', async () => {
      const link = await server.make()
      expect(await server.location(link.short_code)).toBe('https://example.com/made')
      for (const column of ['original_url', 'location']) {
        await query(url, (sql) => sql`update urls set ${sql({ [column]: 'javascript:alert(2)' })} where id = ${link.id}`)
        await until('it is refused', async () => (await server.status(link.short_code)) === 404)
        await query(
          url,
          (sql) => sql`update urls set original_url = 'https://example.com/right', location = null where id = ${link.id}`,
        )
        await until('it is right', async () => (await server.location(link.short_code)) === 'https://example.com/right')
      }
      await query(url, (sql) => sql`insert into urls (short_code, original_url) values ('fresh', 'javascript:alert(3)')`)
      expect(await server.status('fresh')).toBe(404)
      await query(url, (sql) => sql`update urls set original_url = 'https://example.com/last' where id = ${link.id}`)
      await until('the feed is past it', async () => (await server.location(link.short_code)) === 'https://example.com/last')
      expect(await server.status('fresh')).toBe(404)
    })

    test('is sent in the form of a header where it is a web address that needs it', async () => {
      await query(
        url,
        (sql) => sql`insert into urls (short_code, original_url) values ('umlaut', ${'https://example.com/日 ü\r\nx: y'})`,
      )
      expect(await server.location('umlaut')).toBe('https://example.com/%E6%97%A5%20%C3%BCx:%20y')
    })

    if (SECOND_TIER === 'edge')
      test('is answered with 404 where it is in the copy’s file', async () => {
        const link = await server.make()
        await known(server, link.short_code)
        await server.stop()
        const copy = new Sqlite(copyOf(server))
        copy.query('update links set location = ? where code = ?').run('javascript:alert(4)', link.short_code)
        copy.close()
        server = await serve(url, { SECOND_TIER, DATA_DIR: server.config.DATA_DIR })
        expect(await server.status(link.short_code)).toBe(404)
      })
  })

  test('SECOND_TIER=none: redirects through memory and the database alone, and obeys within a second', async () => {
    const url = await cluster.createDatabase()
    const [one, two] = [await serve(url, { SECOND_TIER: 'none' }), await serve(url, { SECOND_TIER: 'none' })]
    const link = await one.make()
    expect(await two.status(link.short_code)).toBe(302)
    await until('memory has it', async () => (await two.get(`/${link.short_code}`)).headers.get('x-cache') === 'HIT')
    await one.call('PUT', `/urls/${link.id}`, { is_active: false })
    expect(await one.status(link.short_code)).toBe(404)
    await until('the other obeys', async () => (await two.status(link.short_code)) === 404)
    expect(existsSync(copyOf(one))).toBe(false)
    await one.stop()
    await two.stop()
  })
})
