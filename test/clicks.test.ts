// No click is lost, and none is counted twice: kill -9, outages, purges, poison, adoption. On a real PostgreSQL, stopped and started for real.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import postgres, { type Sql } from 'postgres'
import { batchOf } from '../src/clicks/batch.ts'
import { drainFolder, removeJournal } from '../src/clicks/dead-journals.ts'
import { newState } from '../src/clicks/drain-state.ts'
import { refererHost } from '../src/clicks/referrer.ts'
import { Fenced, storeClicks, watermarkOf } from '../src/clicks/store.ts'
import { agentOf } from '../src/clicks/visitor.ts'
import type { Database } from '../src/database/guard.ts'
import { controlBlock, openJournal } from '../src/journal/journal.ts'
import { prepareSegment } from '../src/journal/segments.ts'
import { lockSlot, takeSlot } from '../src/slot/slots.ts'
import { runCommand, startChild } from './child.ts'
import { countAll } from './counting.ts'
import { databases } from './databases.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

const CHROME = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36'
const asIs = (time: number) => time
const click = (sequence: number, linkId: number, more = {}) => ({
  sequence,
  linkId,
  time: Date.now(),
  referrer: '',
  userAgent: CHROME,
  address: '203.0.113.0',
  ...more,
})

describe('a visitor', () => {
  test.each([
    ['https://News.Example.com/a?b=c#d', 'news.example.com'],
    ['http://user:pw@host.example:8080/x', 'host.example'],
    ['android-app://com.example.app/', 'com.example.app'],
    ['https://[2001:db8::1]/x', '[2001:db8::1]'],
    ['javascript:alert(1)', ''],
    ['https://<script>alert(1)</script>/', ''],
    ['about:blank', ''],
    ['https://host.example./x', 'host.example'],
    ['https://host.example.', 'host.example'],
    ['https://host.example:443', 'host.example'],
    ['https://host.example?x', 'host.example'],
    ['https://XN--BCHER-KVA.example/', 'xn--bcher-kva.example'],
    ['https://bücher.example/', 'xn--bcher-kva.example'],
    ['https://bÃ¼cher.example/', 'xn--bcher-kva.example'], // UTF-8, as headers are read
    ['https://b%C3%BCcher.example/', 'xn--bcher-kva.example'],
    ['https://0x7f.1/', '127.0.0.1'],
    ['https://127.1', '127.0.0.1'],
    ['https://[::ffff:10.0.0.1]:8/', '10.0.0.1'],
    ['https://a b/', ''],
    [`https://${'a'.repeat(254)}/`, ''],
    ['', ''],
    [null, ''],
  ])('the referrer %p is kept as %p', (referrer, host) => expect(refererHost(referrer)).toBe(host))

  test('is a browser, a system and a device, or a bot', () => {
    expect(agentOf(CHROME)).toEqual({ browser: 'Chrome', system: 'Windows', device: 'Desktop', bot: false })
    expect(agentOf('Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)').bot).toBe(true)
    expect(agentOf('curl/8.0').bot).toBe(true)
    expect(agentOf('').bot).toBe(true)
    for (const program of [
      'Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)',
      'Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; Microsoft Outlook 16.0.4266; ms-office; MSOffice 16)',
      'Mozilla/4.0 (compatible; ms-office; MSOffice 16)',
      'Microsoft Office Existence Discovery',
      'Outlook-iOS/709.2226530.prod.iphone (3.24.0)',
      'Outlook-Android/2.0',
      'MacOutlook/16.79 (Intel Mac OS X)',
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) SafeLinks',
      'Dart/3.1 (dart:io)',
      'okhttp/4.12.0',
      'python-requests/2.31',
      'Go-http-client/2.0',
      'axios/1.6.0',
      'undici',
      'node',
      'Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041',
      'Mozilla/5.0 (Macintosh; Darwin 23; en-US) PowerShell/7.4.0',
      'MyApp/1 CFNetwork/1410.0.3 Darwin/22.6.0',
      'Dalvik/2.1.0 (Linux; U; Android 13)',
      'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)',
      'Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)',
      'WhatsApp/2.23.20.0',
      'TelegramBot (like TwitterBot)',
      'facebookexternalhit/1.1',
      'Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5',
      'Mastodon/4.2 (http.rb/5; +https://social.example/)',
    ])
      expect([program, agentOf(program).bot]).toEqual([program, true])
    for (const person of [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36 Edg/120.0',
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1',
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120 Safari/537.36 OneOutlook/1.2023',
      'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36',
    ])
      expect([person, agentOf(person).bot]).toEqual([person, false])
    expect(agentOf('\u0000\u00ff'.repeat(200))).toMatchObject({ browser: 'Unknown' })
  })
})

describe.each(databases)('clicks on the $name database', (kind) => {
  let server: TestServer
  const visit = (code: string, headers: Record<string, string> = {}) =>
    server.get(`/${code}`, { 'user-agent': CHROME, ...headers })
  beforeAll(async () => {
    server = await serveOn(kind, { TRUSTED_PROXIES: '0' })
  })
  afterAll(() => server.stop())

  test('carry what is kept of the visitor, and add up in every breakdown', async () => {
    const { body: link } = await server.post('/urls', { original_url: 'https://example.com/visits' })
    await visit(link.short_code, { referer: 'https://news.example/story' })
    await visit(link.short_code, { referer: 'https://news.example/other' })
    await visit(link.short_code, { 'user-agent': 'curl/8.0' })
    const { body: stats } = await server.settled(`/urls/${link.id}/stats`)
    expect(stats).toMatchObject({
      clicks: 3,
      bots: 1,
      referrers: [{ value: 'news.example', clicks: 2, bots: 0 }],
      browsers: [
        { value: 'Chrome', clicks: 2, bots: 0 },
        { value: 'Unknown', clicks: 1, bots: 1 },
      ],
      systems: [
        { value: 'Windows', clicks: 2 },
        { value: 'Unknown', clicks: 1 },
      ],
      devices: [
        { value: 'Desktop', clicks: 2 },
        { value: 'Unknown', clicks: 1 },
      ],
    })
    const { body: events } = await server.get(`/events?url_id=${link.id}&event_type=click`)
    expect(events[0].details).toEqual({
      referrer: 'news.example',
      browser: 'Chrome',
      system: 'Windows',
      device: 'Desktop',
      address: '127.0.0.0',
    })
  })

  test.each([
    ...['Sec-Purpose', 'Purpose', 'X-Moz', 'X-Purpose'].flatMap((name) =>
      ['prefetch', 'prerender', 'preview', 'Prefetch', ' PREFETCH;prerender', 'prefetch;anonymous-client-ip', 'x, prefetch'].map(
        (value) => ({ name, value, clicks: 0 }),
      ),
    ),
    { name: 'Sec-Purpose', value: 'something, else', clicks: 1 },
    { name: 'Purpose', value: '', clicks: 1 },
    { name: 'X-Purpose', value: 'previewed', clicks: 1 },
    { name: 'X-Forwarded-Purpose', value: 'prefetch', clicks: 1 },
  ])('a visit with $name: $value counts $clicks', async ({ name, value, clicks }) => {
    const { body: link } = await server.post('/urls', { original_url: 'https://example.com/maybe' })
    for (const path of [`/${link.short_code}`, `/urls/${link.short_code}`, `/urls/${link.short_code}/redirect`]) {
      const answer = await server.get(path, { 'user-agent': CHROME, [name]: value })
      expect([answer.status, answer.headers.get('location')]).toEqual([302, 'https://example.com/maybe'])
      expect(answer.headers.get('cache-control')).toBe('private, no-store') // else the click that follows would not be seen
    }
    await visit(link.short_code)
    const { body } = await server.settled(`/urls/${link.id}/stats`)
    expect([body.clicks, body.bots]).toEqual([3 * clicks + 1, 0])
  })

  test('of a link that is purged while they wait are left out, counted, and nothing is held up', async () => {
    const { body: gone } = await server.post('/urls', { original_url: 'https://example.com/gone' })
    const { body: stays } = await server.post('/urls', { original_url: 'https://example.com/stays' })
    const id = Bun.randomUUIDv7()
    const database = server.database
    await watermarkOf(database, id)
    await server.call('DELETE', `/urls/${gone.id}?purge=true`)
    const stored = await storeClicks(database, id, 0, [click(1, gone.id), click(2, stays.id), click(3, gone.id)], asIs)
    expect(stored).toEqual({ stored: 1, leftOut: 2, rejected: 0 })
    const rows = await database.run((sql) => sql`select from link_totals where url_id = ${gone.id}`)
    expect(rows.count).toBe(0)
    expect((await server.settled(`/urls/${stays.id}`)).body.click_count).toBe(1)
  })

  test('that the database refuses go to click_rejects, and all others are stored', async () => {
    const { body: link } = await server.post('/urls', { original_url: 'https://example.com/poison' })
    const id = Bun.randomUUIDv7()
    await watermarkOf(server.database, id)
    const clicks = Array.from({ length: 20 }, (_, i) => click(i + 1, link.id, i === 6 || i === 13 ? { address: `bad${i}` } : {}))
    const stored = await storeClicks(server.database, id, 0, clicks, asIs)
    expect(stored).toEqual({ stored: 18, leftOut: 0, rejected: 2 })
    const rejected = await server.database.run(
      (sql) => sql`select sequence, reason from click_rejects where journal_id = ${id} order by sequence`,
    )
    expect(rejected.map(({ sequence }) => sequence)).toEqual([7, 14])
    expect((await watermarkOf(server.database, id)).watermark).toBe(20)
    expect((await server.settled(`/urls/${link.id}`)).body.click_count).toBe(18)
  })

  test('are stored once, however often and by whomever a batch is sent', async () => {
    const { body: link } = await server.post('/urls', { original_url: 'https://example.com/once' })
    const id = Bun.randomUUIDv7()
    await watermarkOf(server.database, id)
    const batch = Array.from({ length: 50 }, (_, i) => click(i + 1, link.id))
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => storeClicks(server.database, id, 0, batch, asIs)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(1)
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(Fenced)
    expect((await server.settled(`/urls/${link.id}`)).body.click_count).toBe(50)
  })

  test('of a random Referer make at most 200 values a day, the rest is (other)', async () => {
    const { body: link } = await server.post('/urls', { original_url: 'https://example.com/random' })
    const id = Bun.randomUUIDv7()
    await watermarkOf(server.database, id)
    let sequence = 0
    for (let round = 0; round < 3; round++) {
      const batch = Array.from({ length: 150 }, () => click(++sequence, link.id, { referrer: `host${sequence}.example` }))
      await storeClicks(server.database, id, batch[0]!.sequence - 1, batch, asIs)
      await countAll(server.database)
    }
    const [row] = await server.database.run(
      (sql) => sql`select count(*) as values, sum(clicks)::bigint as clicks, max(clicks) filter (where value = '(other)') as other
        from click_breakdowns where url_id = ${link.id} and dimension = 'referrer'`,
    )
    expect(row).toEqual({ values: 201, clicks: 450, other: 250 })
  })

  test('of many links are stored in large batches one after another', async () => {
    const links = await server.database.run(
      (sql) => sql<{ id: number }[]>`
        insert into urls (short_code, original_url) select 'large' || n, 'https://example.com/' from generate_series(1, 2000) n returning id`,
    )
    const id = Bun.randomUUIDv7()
    await watermarkOf(server.database, id)
    const SIZE = kind.name === 'embedded' ? 500 : 8_000 // a busy machine may take long for more
    // On one connection PostgreSQL plans a prepared statement five times, and then once for any parameters.
    for (let batch = 0; batch < 8; batch++) {
      const before = batch * SIZE
      const clicks = Array.from({ length: SIZE }, (_, i) =>
        click(before + i + 1, links[(i * 7919 + batch) % links.length]!.id, {
          time: Date.now() - (i % 50) * 60_000,
          referrer: `host${i % 20}.example`,
        }),
      )
      expect((await storeClicks(server.database, id, before, clicks, asIs)).stored).toBe(SIZE)
    }
    const [row] = await server.database.run(
      (sql) =>
        sql`select sum(clicks)::int as clicks from link_totals where url_id = any(${links.map((link) => link.id)}::bigint[])`,
    )
    expect(row).toEqual({ clicks: 8 * SIZE })
  })

  test('with a mad clock are moved into the journal’s time', () => {
    const { clicks, totals } = batchOf([click(1, 1, { time: 0 }), click(2, 1, { time: 9e14 })], (time) =>
      Math.min(Math.max(time, 1_000_000), 2_000_000),
    )
    expect(clicks.at).toEqual([1_000_000, 2_000_000])
    expect([totals.first, totals.last]).toEqual([[1_000_000], [2_000_000]])
  })
})

/** A journal of clicks whose process has ended. Returns its id. */
function leaveJournal(folder: string, count: number, linkId = 1) {
  const id = Bun.randomUUIDv7()
  const journal = openJournal(
    id,
    controlBlock(),
    () => {},
    () => {},
  )
  journal.offer(prepareSegment(folder, id, 0, [], 2 ** 30))
  for (let n = 1; n <= count; n++) journal.append(linkId, Date.now(), '', CHROME, '')
  journal.close()
  return id
}

function overwrite(path: string, at: number, bytes: Uint8Array) {
  const file = readFileSync(path)
  file.set(bytes, at)
  writeFileSync(path, file)
}

/** Damages one of the first clicks. */
const makeHole = (path: string) => overwrite(path, 500, Buffer.alloc(16, 0xff))

/** Makes it the journal of a later release. */
function setFormat(path: string, format: number) {
  const header = Buffer.from(readFileSync(path).subarray(0, 64))
  header.writeInt32LE(format, 4)
  header.writeInt32LE(crc32(header.subarray(0, 60)) | 0, 60)
  overwrite(path, 0, header)
}

describe('journals that were left', () => {
  let database: Database
  beforeAll(async () => {
    database = await databases.at(-1)!.open()
    await database.run((sql) => sql`insert into urls (short_code, original_url) values ('left', 'https://example.com/left')`)
  })
  afterAll(() => database.close())

  const clicks = async () => {
    const [row] = await database.run((sql) => sql<{ clicks: number }[]>`select clicks from link_totals where url_id = 1`)
    return row?.clicks ?? 0
  }

  test('are stored once, also when they are drained again', async () => {
    const folder = temporaryFolder()
    const before = await clicks()
    leaveJournal(folder, 1_000)
    for (let again = 0; again < 2; again++)
      await drainFolder(database, folder, { state: newState(), report: () => {}, dead: new Map() })
    expect(await clicks()).toBe(before + 1_000)
  })

  test('are stored once by two drains at the same time', async () => {
    const folder = temporaryFolder()
    const before = await clicks()
    leaveJournal(folder, 3_000)
    const drain = () => drainFolder(database, folder, { state: newState(), report: () => {}, dead: new Map() })
    await Promise.allSettled([drain(), drain(), drain()])
    await drain()
    expect(await clicks()).toBe(before + 3_000)
  })

  test('are stored again where a failover has lost them', async () => {
    const folder = temporaryFolder()
    const before = await clicks()
    const id = leaveJournal(folder, 500)
    const options = { state: newState(), report: () => {}, dead: new Map() }
    await drainFolder(database, folder, options)
    // A promoted standby that had received 200 of the 500: its watermark is older, and so are its counters.
    await database.transaction(async (sql) => {
      await sql`update journals set watermark = 200 where journal_id = ${id}`
      await sql`update link_totals set clicks = clicks - 300 where url_id = 1`
    })
    await drainFolder(database, folder, options)
    expect(await clicks()).toBe(before + 500)
  })

  test('count as drained from then on, whichever process finds them: repeated starts keep none forever', async () => {
    const folder = temporaryFolder()
    const id = leaveJournal(folder, 10)
    const [name] = readdirSync(folder)
    const file = join(folder, name!)
    const drainedAt = async () => {
      const dead = new Map()
      await drainFolder(database, folder, { state: newState(), report: () => {}, dead })
      return dead.get(id).drainedAt as number
    }
    const hourAgo = Date.now() - 3_600_000
    utimesSync(file, new Date(hourAgo), new Date(hourAgo)) // an outage long ago
    const first = await drainedAt()
    expect(first).toBeGreaterThan(hourAgo + 3_000_000)
    utimesSync(file, new Date(hourAgo), new Date(hourAgo)) // an hour later
    expect(Math.abs((await drainedAt()) - hourAgo)).toBeLessThan(1_000)
  })

  test('leave no prepared and unused segment behind: each start would keep 16 MB forever', async () => {
    const folder = temporaryFolder()
    const own = Bun.randomUUIDv7()
    leaveJournal(folder, 10)
    for (const id of [own, Bun.randomUUIDv7()]) prepareSegment(folder, id, 1, [], 2 ** 30)
    const left = () => readdirSync(folder).filter((name) => name.endsWith('-000001.journal'))
    expect(left()).toHaveLength(2)
    await drainFolder(database, folder, { state: newState(), report: () => {}, except: own, dead: new Map() })
    expect(left()).toEqual([`${own}-000001.journal`])
  })

  const drain = (folder: string, dead = new Map()) => drainFolder(database, folder, { state: newState(), report: () => {}, dead })
  const filesIn = (folder: string) => readdirSync(folder).sort()

  test('are stored although another journal cannot be opened or read', async () => {
    const folder = temporaryFolder()
    const before = await clicks()
    const first = `00000000-0000-4000-8000-000000000000-000000.journal`
    mkdirSync(join(folder, first)) // reading a folder is an error
    leaveJournal(folder, 10)
    const bad = leaveJournal(folder, 10)
    leaveJournal(folder, 10)
    await database.run((sql) =>
      sql
        .unsafe(
          `create function refuse() returns trigger language plpgsql as $$ begin
             if new.journal_id = '${bad}' then raise exception 'not this one' using errcode = 'XX000'; end if; return new;
           end $$;
           create trigger refuse before update on journals for each row execute function refuse()`,
        )
        .simple(),
    )
    const left = await drain(folder)
    await database.run((sql) => sql.unsafe('drop trigger refuse on journals; drop function refuse()').simple())
    expect(await clicks()).toBe(before + 20)
    expect([left.failed, left.unread.map((path) => path.slice(folder.length + 1)).sort()]).toEqual([
      1,
      [first, `${bad}-000000.journal`].sort(),
    ])
    await drain(folder)
    expect(await clicks()).toBe(before + 30)
  })

  test('with their header gone are stored once, and nothing that could not be read is ever deleted', async () => {
    const folder = temporaryFolder()
    const before = await clicks()
    const ids = [leaveJournal(folder, 10), leaveJournal(folder, 20), leaveJournal(folder, 30)]
    const [zeros, holed, future] = ids.map((id) => join(folder, `${id}-000000.journal`)) as [string, string, string]
    overwrite(zeros, 0, Buffer.alloc(64))
    makeHole(holed)
    setFormat(future, 99)
    writeFileSync(join(folder, 'rubbish.journal'), 'rubbish')
    prepareSegment(folder, Bun.randomUUIDv7(), 0, [], 2 ** 30)
    const dead = new Map()
    for (let again = 0; again < 2; again++) {
      const left = await drain(folder, dead)
      expect(new Set(left.unread)).toEqual(new Set([holed, future, join(folder, 'rubbish.journal')]))
    }
    expect(await clicks()).toBe(before + 29)
    expect(filesIn(folder)).toHaveLength(4) // but for the one of zeros that was never used
    for (const journal of dead.values()) removeJournal(journal)
    expect(filesIn(folder).map((name) => join(folder, name))).toEqual([holed, future, join(folder, 'rubbish.journal')].sort())
  })

  test('are stored among foreign and damaged files, which are named', async () => {
    const folder = temporaryFolder()
    const before = await clicks()
    leaveJournal(folder, 10)
    writeFileSync(join(folder, 'foreign.journal'), 'this is none')
    const reports: string[] = []
    await drainFolder(database, folder, {
      state: newState(),
      report: (_, fields) => void reports.push(String(fields.file)),
      dead: new Map(),
    })
    expect(await clicks()).toBe(before + 10)
    expect(reports.some((file) => file.endsWith('foreign.journal'))).toBe(true)
  })
})

test('two processes on one DATA_DIR take two slots, and a slot is free again when its process is gone', () => {
  const folder = temporaryFolder()
  const first = takeSlot(folder)
  const second = takeSlot(folder)
  expect([first.folder, second.folder].map((path) => path.slice(folder.length))).toEqual(['/replicas/0', '/replicas/1'])
  expect(lockSlot(first.folder)).toBeUndefined()
  first.release()
  expect(takeSlot(folder).folder).toBe(first.folder)
})

describe.skipIf(!serverBinaries())('a replica', () => {
  let cluster: Cluster
  let url: string
  let sql: Sql
  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    url = await cluster.createDatabase()
    sql = postgres(url, { max: 1, onnotice: () => {} })
  })
  afterAll(async () => {
    await sql.end()
    await cluster.end()
  })

  const stored = async (id: number) => Number((await sql`select clicks from link_totals where url_id = ${id}`)[0]?.clicks ?? 0)
  const events = async (id: number) => Number((await sql`select count(*) as n from clicks where url_id = ${id}`)[0]!.n)

  /** Waits until the feed has brought what was made since the start into the edge copy. */
  const inEdgeCopy = ({ base }: { base: string }) =>
    until('the link is in the edge copy', async () =>
      /^waypost_changes_applied_total [1-9]/m.test(await (await fetch(`${base}/metrics`)).text()),
    )

  /** Redirects in a loop from some clients until stopped; counts requests that were answered, and those in flight. */
  function load(base: string, code: string, clients = 8) {
    let answered = 0
    let failed = 0
    let inFlight = 0
    let stopped = false
    const done = Promise.all(
      Array.from({ length: clients }, async () => {
        while (!stopped) {
          inFlight++
          try {
            const { status } = await fetch(`${base}/${code}`, { redirect: 'manual' })
            if (status === 302) answered++
            else failed++
            inFlight--
          } catch {
            return // in flight when the server stopped: it may or may not have been recorded
          }
        }
      }),
    )
    return {
      stop: async () => {
        stopped = true
        await done
        return { answered, failed, inFlight }
      },
      answered: () => answered,
    }
  }

  // ms after the first visitor; two kills a test, because each start takes long on a busy machine
  test.each([
    [50, 430],
    [200, 700],
  ])(
    'killed after %d and %d ms loses no click that was answered, and the next start stores them, each once',
    async (first, second) => {
      const folder = temporaryFolder()
      const settings = { DATABASE_URL: url, DATA_DIR: folder, AUTH: 'off' }
      let child = await startChild(settings)
      const { body: link } = await child.call('POST', '/urls', { original_url: 'https://example.com/killed' })
      let answered = 0
      let inFlight = 0
      for (const after of [first, second]) {
        const visitors = load(child.base, link.short_code)
        await Bun.sleep(after)
        child.kill('SIGKILL')
        await child.exited
        const result = await visitors.stop()
        answered += result.answered
        inFlight += result.inFlight
        child = await startChild(settings)
      }
      let count = 0
      await until(
        () => `${answered} clicks are stored, of which ${count} are`,
        async () => (count = await stored(link.id)) >= answered,
      )
      await Bun.sleep(500)
      count = await stored(link.id)
      expect(count).toBeGreaterThanOrEqual(answered)
      expect(count).toBeLessThanOrEqual(answered + inFlight)
      expect(await events(link.id)).toBe(count)
      child.kill('SIGTERM')
      expect(await child.exited).toBe(0)
    },
  )

  test('killed with the database unreachable redirects again after a start without it, and loses nothing', async () => {
    const folder = temporaryFolder()
    const settings = { DATABASE_URL: url, DATA_DIR: folder, AUTH: 'off' }
    const first = await startChild(settings)
    const { body: link } = await first.call('POST', '/urls', { original_url: 'https://example.com/away' })
    expect((await first.call('GET', `/${link.short_code}`)).status).toBe(302)
    await inEdgeCopy(first)
    await cluster.control!.stop('immediate')
    const visitors = load(first.base, link.short_code)
    await Bun.sleep(1_500)
    first.kill('SIGKILL')
    await first.exited
    const before = await visitors.stop()
    expect(before.failed).toBe(0)

    const second = await startChild(settings, 'degraded')
    const again = load(second.base, link.short_code)
    await Bun.sleep(1_000)
    const after = await again.stop()
    expect(after.failed).toBe(0)
    expect(after.answered).toBeGreaterThan(0)
    expect((await second.call('GET', '/never-seen')).status).toBe(503)
    const figures = await (await fetch(`${second.base}/metrics`)).text()
    expect(Number(/^waypost_clicks_oldest_seconds (.*)$/m.exec(figures)![1])).toBeGreaterThan(0.5) // also where it never reached the database

    await cluster.control!.start()
    const answered = before.answered + after.answered + 1
    let count = 0
    await until(
      () => `${answered} clicks are stored, of which ${count} are`,
      async () => (count = await stored(link.id)) >= answered,
    )
    await Bun.sleep(500)
    expect(await stored(link.id)).toBeLessThanOrEqual(answered + before.inFlight)
    second.kill('SIGTERM')
    expect(await second.exited).toBe(0)
  })

  test('that is gone for good: `waypost drain` stores its journal, or another replica on the same DATA_DIR does', async () => {
    const folder = temporaryFolder()
    const settings = { DATABASE_URL: url, DATA_DIR: folder, AUTH: 'off' }
    const child = await startChild(settings)
    const { body: link } = await child.call('POST', '/urls', { original_url: 'https://example.com/left' })
    await child.call('GET', `/${link.short_code}`)
    await cluster.control!.stop('fast')
    const visitors = load(child.base, link.short_code, 2)
    await Bun.sleep(300)
    child.kill('SIGKILL')
    await child.exited
    const { answered, inFlight } = await visitors.stop()
    await cluster.control!.start()

    const copy = temporaryFolder()
    cpSync(folder, copy, { recursive: true })
    const drained = await runCommand(['drain', copy], { DATABASE_URL: url, DATA_DIR: copy })
    expect(drained.code).toBe(0)
    const count = await stored(link.id)
    expect(count).toBeGreaterThanOrEqual(answered + 1)
    expect(count).toBeLessThanOrEqual(answered + 1 + inFlight)
    expect(
      readdirSync(join(copy, 'replicas/0')).filter(
        (name) => name.endsWith('.journal') && !isEmpty(join(copy, 'replicas/0', name)),
      ),
    ).toEqual([])

    const next = await startChild(settings) // adopts the same journal, and finds it stored
    await until('it is adopted', async () => (await sql`select count(*) as n from journals`)[0]!.n > 0)
    await Bun.sleep(1_500)
    expect(await stored(link.id)).toBe(count)
    next.kill('SIGTERM')
    await next.exited
  })

  test('reports journals that it cannot read completely, stores the others, and deletes nothing unread', async () => {
    const folder = temporaryFolder()
    const settings = { DATABASE_URL: url, DATA_DIR: folder, AUTH: 'off', JOURNAL_KEEP: '0' }
    expect((await runCommand(['migrate'], settings)).code).toBe(0)
    const [link] = await sql`
      insert into urls (short_code, original_url) values ('unread', 'https://example.com/unread') returning id`
    const slot = join(folder, 'replicas/0')
    mkdirSync(slot, { recursive: true })
    const [future, holed, whole] = Array.from({ length: 3 }, () =>
      join(slot, `${leaveJournal(slot, 10, link!.id)}-000000.journal`),
    ) as [string, string, string]
    setFormat(future, 99)
    makeHole(holed)
    const bytes = () => [future, holed].map((path) => Bun.hash(readFileSync(path)))
    const before = bytes()

    const child = await startChild(settings)
    await until('both are counted', async () =>
      /^waypost_clicks_journal_skipped(\{[^}]*\})? 2$/m.test(await (await fetch(`${child.base}/metrics`)).text()),
    )
    await until('the alert fires', async () => (await child.call('GET', '/alert-status')).body.journal_skipped.state === 'firing')
    expect((await child.call('GET', '/api/overview')).body.problems).toContainEqual(
      expect.objectContaining({ code: 'journal_skipped', params: { files: 2 } }),
    )
    expect(await stored(Number(link!.id))).toBe(19)
    await until('what was read completely is deleted', () => !existsSync(whole))
    child.kill('SIGTERM')
    expect(await child.exited).toBe(0)
    expect(bytes()).toEqual(before)
  })

  test('that is paused while another stores its journal stores nothing twice when it wakes, and continues', async () => {
    const folder = temporaryFolder()
    const child = await startChild({ DATABASE_URL: url, DATA_DIR: folder, AUTH: 'off' })
    const { body: link } = await child.call('POST', '/urls', { original_url: 'https://example.com/paused' })
    await child.call('GET', `/${link.short_code}`)
    await until('the first click is stored', async () => (await stored(link.id)) === 1)
    await cluster.control!.stop('fast')
    const visit = async (times: number) => {
      for (let n = 0; n < times; n++) expect((await child.call('GET', `/${link.short_code}`)).status).toBe(302)
    }
    await visit(200)
    child.kill('SIGSTOP')
    try {
      await cluster.control!.start()
      const copy = temporaryFolder()
      cpSync(folder, copy, { recursive: true })
      const drained = await runCommand(['drain', copy], { DATABASE_URL: url, DATA_DIR: copy })
      expect(drained.out + drained.err).toContain('stored 200 clicks')
      expect(await stored(link.id)).toBe(201)
    } finally {
      child.kill('SIGCONT')
    }
    await visit(50)
    await until('what came after is stored', async () => (await stored(link.id)) >= 251)
    await visit(1) // stored after what would have been stored twice
    await until('the last is stored', async () => (await stored(link.id)) >= 252)
    expect(await stored(link.id)).toBe(252)
    child.kill('SIGTERM')
    expect(await child.exited).toBe(0)
  })

  test('on a full disk keeps redirecting, and counts dropped clicks', async () => {
    const folder = temporaryFolder()
    const child = await startChild({ DATABASE_URL: url, DATA_DIR: folder, AUTH: 'off', JOURNAL_MAX_BYTES: String(8 * 1024 ** 2) })
    const { body: link } = await child.call('POST', '/urls', { original_url: 'https://example.com/full' })
    await child.call('GET', `/${link.short_code}`)
    await inEdgeCopy(child)
    await cluster.control!.stop('fast')
    const agent = 'x'.repeat(400)
    let ok = 0
    for (let n = 0; n < 12_000; n += 100) {
      const answers = await Promise.all(
        Array.from({ length: 100 }, () =>
          fetch(`${child.base}/${link.short_code}`, { redirect: 'manual', headers: { 'user-agent': agent } }),
        ),
      )
      ok += answers.filter(({ status }) => status === 302).length
    }
    expect(ok).toBe(12_000)
    const figure = async (name: string) =>
      Number(
        new RegExp(`^waypost_clicks_${name}(?:\\{[^}]*\\})? (\\d+)`, 'm').exec(
          await (await fetch(`${child.base}/metrics`)).text(),
        )![1],
      )
    const dropped = await figure('dropped_total')
    expect(dropped).toBeGreaterThan(0)
    expect(await figure('journal_full')).toBe(1)
    expect((await figure('recorded_total')) + dropped).toBe(12_001)
    await cluster.control!.start()
    await until('what was recorded is stored', async () => (await stored(link.id)) === 12_001 - dropped)
    child.kill('SIGTERM')
    await child.exited
  })
})

const isEmpty = (path: string) =>
  readFileSync(path)
    .subarray(0, 64)
    .every((byte) => byte === 0)
