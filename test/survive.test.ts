// The suite's ledger and its checker: what is right passes, and each lie that is planted in the database is found. And its signs: what was said
// before a fault shows nothing of it.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import postgres from 'postgres'
import { externalAddress } from '../src/database/address.ts'
import { migrate } from '../src/database/migrate.ts'
import { openPool } from '../src/database/pool.ts'
import { audit, findingsOf, markOf } from '../survive/audit.ts'
import { lookFor } from '../survive/evidence.ts'
import { grown, type Signs } from '../survive/fault.ts'
import { growth, percent, type Settled } from '../survive/footprints.ts'
import { CLICK, type Ledger, type Link, mayLeadTo, type Outcome, openLedger, type Write } from '../survive/ledger.ts'
import { findingsOf as findingsOfRuled, judge, type RuledLink } from '../survive/ruled.ts'
import { quiet } from './databases.ts'
import { serverBinaries, sharedCluster } from './postgres.ts'

const RUN = 's1x'
const hasPostgres = Boolean(process.env.TEST_DATABASE_URL ?? serverBinaries())
if (!hasPostgres) console.warn('SKIPPED: the checker of the survival suite (PostgreSQL is not installed)')

let sql: postgres.Sql
let ledger: Ledger
let link: Link
let moved: Write

beforeAll(async () => {
  if (!hasPostgres) return
  const url = await (await sharedCluster()).createDatabase()
  const { log } = quiet()
  const pool = openPool(externalAddress({ DATABASE_URL: url }), 1, log)
  await new Promise<void>((up) => pool.onUp(up))
  await migrate(pool, log)
  await pool.close()
  sql = postgres(url, { max: 2, onnotice: () => {} })
  await sql`insert into click_agents (browser, system, device, bot) values ('Chrome', 'Linux', 'Desktop', false)`
})
afterAll(() => sql?.end())

// One link: made, moved, then a click of it. Another whose creation got no answer, and one that was refused.
beforeEach(async () => {
  if (!hasPostgres) return
  await sql`delete from events`
  await sql`delete from clicks`
  await sql`delete from link_totals`
  await sql`delete from click_series`
  ledger = openLedger()
  ledger.begin('all')
  const target = `https://s.example/${crypto.randomUUID()}`
  const [row] = await sql<{ id: string; short_code: string }[]>`
    insert into urls (short_code, original_url) values (${crypto.randomUUID()}, ${`${target}/moved`}) returning id, short_code`
  const made = ledger.write('create', 0, target)!
  ledger.answer(made, 'acknowledged', 10, { id: Number(row!.id), code: row!.short_code })
  link = made.link!
  await event('created', { original_url: target })
  moved = write('update', `${target}/moved`, 'acknowledged')
  await event('updated', { field: 'original_url', new_value: `${target}/moved` })
  ledger.answer(ledger.write('create', 20, `${target}/lost-answer`)!, 'unknown', 30)
  ledger.answer(ledger.write('create', 20, `${target}/refused`)!, 'refused', 30)
  ledger.clicked(ledger.click(link)!, CLICK.answered)
  await click(0)
})

const write = (kind: 'update' | 'delete', target: string | undefined, outcome: Outcome) => {
  const one = ledger.write(kind, 20, target, link)!
  ledger.answer(one, outcome, 30)
  return one
}
const event = (type: string, details: Record<string, string>) =>
  sql`insert into events (id, url_id, event_type, details) values (next_event_id(), ${link.id}, ${type}, ${sql.json(details)})`
async function click(mark: number) {
  await sql`insert into click_referrers (host) values (${markOf(RUN, mark)}) on conflict do nothing`
  await sql`
    insert into clicks (id, url_id, timestamp, referrer, agent)
    select next_event_id(), ${link.id}, now(), r.id, a.id from click_referrers r, click_agents a where r.host = ${markOf(RUN, mark)}`
  await sql`insert into link_totals (url_id, clicks) values (${link.id}, 1) on conflict (url_id) do update set clicks = link_totals.clicks + 1`
}

test.skipIf(!hasPostgres)('what was answered and is stored passes', async () => {
  const found = await audit(sql, ledger, RUN)
  expect(findingsOf(found)).toEqual([])
  expect(found.writes.acknowledged).toBe(2)
  expect(found.clicks).toMatchObject({ answered: 1, stored: 1 })
})

const LIES: { name: string; plant: () => Promise<unknown>; finding: RegExp }[] = [
  {
    name: 'an acknowledged change that is not in the database',
    plant: async () => write('update', 'https://s.example/never', 'acknowledged'),
    finding: /update of .* was acknowledged and is not stored/,
  },
  {
    name: 'an acknowledged link that is not there',
    plant: async () =>
      ledger.answer(ledger.write('create', 20, 'https://s.example/gone')!, 'acknowledged', 30, { id: 999_999, code: 'gone' }),
    finding: /link 999999 \(gone\) is not there/,
  },
  {
    name: 'a change that was done twice',
    plant: () => event('updated', { field: 'original_url', new_value: moved.target! }),
    finding: /update of .* was done 2 times/,
  },
  {
    name: 'a link whose row went back to what it was',
    plant: () => sql`update urls set original_url = ${link.writes[0]!.target!} where id = ${link.id}`,
    finding: /link \d+ leads to .*, and should to .*\/moved/,
  },
  {
    name: 'a deleted link that is there again',
    plant: async () => write('delete', undefined, 'acknowledged'),
    finding: /leads to .*, and should to /,
  },
  {
    name: 'a refused link that was made',
    plant: () => event('created', { original_url: ledger.writes.find(({ outcome }) => outcome === 'refused')!.target! }),
    finding: /was refused and done/,
  },
  { name: 'a click that was stored twice', plant: () => click(0), finding: /click 0 is stored 2 times/ },
  {
    name: 'a click that was answered and not stored',
    plant: async () => ledger.clicked(ledger.click(link)!, CLICK.answered),
    finding: /click 1 was answered and is not stored/,
  },
  {
    name: 'a click of a redirect that was refused',
    plant: () => {
      ledger.clicked(ledger.click(link)!, CLICK.none)
      return click(1)
    },
    finding: /click 1 is stored 1 times/,
  },
  {
    name: 'a total that counts more than there is',
    plant: () => sql`update link_totals set clicks = clicks + 1`,
    finding: /1 clicks, 2 in its total, 1 in its series/,
  },
]
for (const { name, plant, finding } of LIES)
  test.skipIf(!hasPostgres)(`finds ${name}`, async () => {
    await plant()
    expect(findingsOf(await audit(sql, ledger, RUN)).join('\n')).toMatch(finding)
  })

test.skipIf(!hasPostgres)(
  'a click in flight at a kill may be recorded by two replicas, one without a response once or never',
  async () => {
    ledger.clicks[0]! |= CLICK.atKill
    await click(0)
    ledger.click(link)
    ledger.click(link)
    await click(1)
    expect(findingsOf(await audit(sql, ledger, RUN))).toEqual([])
  },
)

test('a link may show what it was for as long as a replica may lag, and what a write without an answer would make it', () => {
  const book = openLedger()
  book.begin('all')
  const made = book.write('create', 0, 'a')!
  book.answer(made, 'acknowledged', 10, { id: 1, code: 'x' })
  const one = made.link!
  const change = (target: string | undefined, sent: number, outcome: Outcome) =>
    book.answer(book.write(target ? 'update' : 'delete', sent, target, one)!, outcome, sent + 10)
  change('b', 5_000, 'acknowledged')
  const at = (began: number, lag = 1_000) => [...mayLeadTo(one, began, began + 5, lag)]
  expect(at(4_000)).toEqual(['a'])
  expect(at(5_500)).toEqual(['a', 'b'])
  expect(at(6_100)).toEqual(['b'])
  expect(at(9_000, 5_000)).toEqual(['a', 'b'])
  change('c', 10_000, 'refused')
  expect(at(10_100)).toEqual(['b'])
  change('d', 20_000, 'unknown')
  expect(at(30_000)).toEqual(['b', 'd'])
  change(undefined, 40_000, 'acknowledged')
  expect(at(42_000)).toEqual([undefined])
})

describe('a sign', () => {
  /** Of two replicas, what they answer at /metrics, /logs and the rest before the fault, and while it lasts. */
  async function seen(
    signs: Signs,
    path: string,
    before: [unknown, unknown],
    meanwhile: [unknown, unknown],
    screen: string[][] = [],
  ) {
    let now = before
    const text = (answer: unknown) => (typeof answer === 'string' ? answer : JSON.stringify(answer))
    const members = [0, 1].map((place) => ({
      number: place + 1,
      replica: { url: `http://replica-${place + 1}` },
      ask: async (asked: string) => {
        if (!asked.startsWith(path)) throw new Error('nobody asked for this')
        return new Response(text(now[place]))
      },
    }))
    const fleet = { members, dir: '.', nginxLog: async () => text(now[0]).split('\n') }
    const look = await lookFor({ name: 'a fault', signs }, fleet, {
      read: async () => screen.shift() ?? [],
      async live() {},
      async picture() {},
    })
    now = meanwhile
    return look()
  }
  const alert = (state: string, value: number) => ({ clicks_dropped: { state, value, unit: 'clicks' } })
  const fleetOf = (state: string) => ({ replicas: [{ url: 'http://replica-2', state, version: '1.0.0' }] })

  test.each<[string, Signs, string, [unknown, unknown], [unknown, unknown], string | undefined, boolean]>([
    ['a gauge', { metric: /^up 0/ }, '/metrics', ['up 1', 'up 1'], ['up 1', 'up 0'], 'up 0', false],
    ['a gauge that said so before', { metric: /^up 0/ }, '/metrics', ['up 1', 'up 0'], ['up 1', 'up 0'], undefined, true],
    [
      'a counter',
      { metric: grown(/^c_total$/) },
      '/metrics',
      ['c_total 7', 'c_total 0'],
      ['c_total 9', 'c_total 0'],
      'c_total +2',
      false,
    ],
    [
      'a counter that stands still',
      { metric: grown(/^c_total$/) },
      '/metrics',
      ['c_total 7', ''],
      ['c_total 7', ''],
      undefined,
      true,
    ],
    [
      'a counter that grows too little',
      { metric: grown(/^c_total$/, 5) },
      '/metrics',
      ['c_total 7', ''],
      ['c_total 9', ''],
      undefined,
      true,
    ],
    [
      'a counter of a new process',
      { metric: grown(/^c_total$/) },
      '/metrics',
      ['c_total 7', ''],
      ['c_total 2', ''],
      'c_total +2',
      false,
    ],
    [
      'a line',
      { log: /away/ },
      '/logs',
      [{ logs: [] }, { logs: [] }],
      [{ logs: [] }, { logs: [{ time: 2, msg: 'away' }] }],
      'away',
      false,
    ],
    [
      'a line of before',
      { log: /away/ },
      '/logs',
      [{ logs: [{ time: 1, msg: 'away' }] }, { logs: [] }],
      [{ logs: [{ time: 1, msg: 'away' }] }, { logs: [] }],
      undefined,
      true,
    ],
    [
      'an alert',
      { alert: /^clicks_dropped firing/ },
      '/alert-status',
      [alert('ok', 0), {}],
      [alert('firing', 3), {}],
      'clicks_dropped firing: 3 clicks',
      false,
    ],
    [
      'an alert that still fires',
      { alert: /^clicks_dropped firing/ },
      '/alert-status',
      [alert('firing', 3), {}],
      [alert('firing', 3), {}],
      undefined,
      true,
    ],
    [
      'an alert that gets worse',
      { alert: /^clicks_dropped firing/ },
      '/alert-status',
      [alert('firing', 3), {}],
      [alert('firing', 4), {}],
      'clicks_dropped firing: 4 clicks',
      false,
    ],
    [
      'the list of the fleet',
      { fleet: / is lost/ },
      '/api/fleet',
      [fleetOf('ready'), {}],
      [fleetOf('lost'), {}],
      'replica 2 is lost, version 1.0.0',
      false,
    ],
    [
      'nginx',
      { nginx: /reconfiguring/ },
      '',
      ['reconfiguring\n', ''],
      ['reconfiguring\nreconfiguring\n', ''],
      'reconfiguring',
      false,
    ],
  ])('%s', async (_, signs, path, before, meanwhile, shown, early) => {
    const kind = Object.keys(signs)[0] as keyof Signs
    expect(await seen(signs, path, before, meanwhile)).toEqual({ evidence: { [kind]: shown }, early: early ? [kind] : [] })
  })

  test('the console', async () => {
    const sign = { console: /Lost/ }
    const quiet: [unknown, unknown] = [{}, {}]
    expect(await seen(sign, '', quiet, quiet, [['vm/1 ready'], ['vm/1 lost', 'Lost: vm/1']])).toEqual({
      evidence: { console: 'Lost: vm/1' },
      early: [],
    })
    expect(await seen(sign, '', quiet, quiet, [['Lost: vm/1'], ['Lost: vm/1']])).toEqual({
      evidence: { console: undefined },
      early: ['console'],
    })
  })
})

describe('what a replica grew by', () => {
  const stage = (...memory: number[]) => memory.map((one) => ({ pid: 1, memory: one, descriptors: 30 }))
  test.each([
    { stages: [], said: '' },
    { stages: [stage(100, 100), stage(90, 120), stage(99, 110)], said: '+10 %' },
    { stages: [stage(100), stage(100), stage(95)], said: '−5 %' },
  ] as { stages: Settled[]; said: string }[])('is the worst of all, from any stage to the last: $said', ({ stages, said }) => {
    expect(percent(growth(stages, 'memory'))).toBe(said)
  })
})

describe('a link with rules', () => {
  const answered = (link: Partial<RuledLink>, ...answers: [status: number, at: number][]) => {
    const whole: RuledLink = { code: 'ruled', made: 0, redirects: 0, open: 0, over: false, wrong: [], ...link }
    for (const [status, at] of answers) judge(whole, { status, began: at, ended: at + 10 })
    return findingsOfRuled([whole])
  }
  const window = { from: 10_000, until: 20_000 }

  test.each<[string, Partial<RuledLink>, [number, number][]]>([
    [
      'as often as its limit, then 410',
      { limit: 2 },
      [
        [302, 0],
        [503, 1],
        [302, 2],
        [410, 3],
      ],
    ],
    [
      'within its window',
      window,
      [
        [404, 9_000],
        [302, 10_500],
        [302, 19_000],
        [410, 20_500],
      ],
    ],
    [
      'at the edges of its window, either way',
      window,
      [
        [302, 9_900],
        [404, 10_100],
        [302, 20_100],
        [410, 19_900],
      ],
    ],
  ])('may redirect %s', (_, link, answers) => {
    expect(answered(link, ...answers)).toEqual([])
  })

  test.each<[string, Partial<RuledLink>, [number, number][], string]>([
    [
      'a redirect too many',
      { limit: 1 },
      [
        [302, 0],
        [302, 1],
      ],
      'ruled redirected 2 times, with a limit of 1',
    ],
    ['one before its window', window, [[302, 5_000]], 'ruled redirected 4990 ms before its window'],
    ['one after its window', window, [[302, 21_000]], 'ruled redirected 1000 ms after its window'],
    ['404 within its window', window, [[404, 15_000]], 'ruled was not found within its window'],
    ['410 within its window', window, [[410, 15_000]], 'ruled has expired within its window'],
  ])('%s is found', (_, link, answers, finding) => {
    expect(answered(link, ...answers)).toEqual([finding])
  })
})
