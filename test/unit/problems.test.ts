// What is wrong, as codes with params: each code has a sentence, and replicas' problems are merged whatever the sentences say.
import { describe, expect, test } from 'bun:test'
import { Value } from '@sinclair/typebox/value'
import { type FleetProblem, mergeProblems } from '../../src/monitor/overview/merge.ts'
import { problemOf } from '../../src/monitor/overview/problem.ts'
import { Now, type Problem } from '../../src/monitor/overview/schema.ts'
import { CODES, type Code, type ParamsOf, sentence } from '../../src/monitor/overview/sentences.ts'
import { FAULTS } from '../../survive/faults/index.ts'

const AT = '2026-01-02T03:04:05.000Z'
const LATER = '2026-01-02T03:05:00.000Z'

const EXAMPLES: { [C in Code]: [ParamsOf<C>, string][] } = {
  database_unreachable: [
    [
      { since: AT },
      `The database has been unreachable since ${AT}. Redirects keep working and clicks are queued. Creating or editing links fails until it is back.`,
    ],
    [
      { since: AT, reason: 'its disk is full' },
      `The database has been unreachable since ${AT} (its disk is full). Redirects keep working and clicks are queued. Creating or editing links fails until it is back.`,
    ],
  ],
  database_slow: [
    [{ since: AT }, `The database has been slow since ${AT}. Links missing from the local copy, and changes, may fail with 503.`],
  ],
  database_over: [
    [
      { was: 'unreachable', since: AT, until: LATER },
      `The database was unreachable until ${LATER}. Requests that needed it got 503.`,
    ],
    [
      { was: 'slow', since: AT, until: LATER },
      `The database was slow until ${LATER}. Requests that waited for it may have got 503.`,
    ],
  ],
  database_moved: [[{ at: AT }, `Another database server became the primary at ${AT}. Requests to the old one may have failed.`]],
  database_reconnected: [
    [{ at: AT }, `Connections to the database stopped responding and were replaced at ${AT}. Requests on them got no answer.`],
  ],
  replica_lost: [
    [
      { since: AT },
      `Stopped responding at ${AT}. No clicks are lost: they stay in its journal until it restarts or another replica takes them over.`,
    ],
  ],
  replica_silent: [[{ reason: 'it gave no answer within 1 s' }, 'Not included in the charts: it gave no answer within 1 s.']],
  starting: [[{}, 'This replica is starting.']],
  draining: [[{}, 'This replica is draining. It finishes its requests and accepts no new ones.']],
  database_refuses: [
    [
      { reason: 'its disk is full' },
      'The database accepts no changes: its disk is full. Redirects keep working. Creating or editing links fails.',
    ],
  ],
  stale: [[{}, 'The local copy is older than STALE_LIMIT. Redirects get 503 until the database is back.']],
  lagging: [[{}, 'Updates from other replicas are late (MAX_STALENESS), so redirects query the database directly.']],
  clicks_dropped: [
    [{ reason: 'ENOSPC' }, 'The click journal has no room (ENOSPC). New clicks will be lost once its segment is full.'],
  ],
  journal_skipped: [
    [
      { files: 1 },
      '1 click journal file cannot be read completely. No file is deleted. The log names them: filter by “journal”.',
    ],
    [
      { files: 3 },
      '3 click journal files cannot be read completely. No file is deleted. The log names them: filter by “journal”.',
    ],
  ],
  click_backlog: [[{ limit_s: 30 }, 'Clicks are stored late. The oldest has waited for more than 30 s.']],
  shared_cache: [
    [
      { used_for: ['links'] },
      'The shared cache (Valkey) does not answer. Links that are not in memory are read from the database.',
    ],
    [{ used_for: ['limits'] }, 'The Valkey of the rate limits does not answer. Each replica counts by itself.'],
    [
      { used_for: ['limits', 'links'] },
      'The shared cache (Valkey) does not answer. Links that are not in memory are read from the database. The Valkey of the rate limits does not answer. Each replica counts by itself.',
    ],
  ],
  memory_low: [[{ percent: 95 }, 'Memory is at 95 % of its limit. At the limit, the system kills this replica.']],
  descriptors_low: [
    [{ open: 10_042, limit: 12_000 }, '10,042 of 12,000 file descriptors are open. At the limit, new connections fail.'],
  ],
  unknown_flood: [
    [
      { requests: 1_234 },
      'Someone is guessing short codes: 1,234 requests for unknown codes were refused within 2 minutes. Valid links are unaffected.',
    ],
  ],
  targets_refused: [
    [
      { links: 4 },
      'Links in the database lead to no web address, so they get 404 (found in 5 minutes: 4). The log names them: filter by “not an http or https address”.',
    ],
  ],
  releases: [
    [{ versions: ['0.2.0', '0.10.0'] }, 'Replicas run different releases: 0.2.0 and 0.10.0.'],
    [{ versions: ['0.1.0', '0.2.0', '0.10.0'] }, 'Replicas run different releases: 0.1.0, 0.2.0 and 0.10.0.'],
  ],
  clock_skew: [
    [
      { ahead_s: 6 },
      'The clock of this machine is 6 s ahead of the database’s. Clicks get wrong times, and keys and sign-ins expire at the wrong time.',
    ],
    [
      { ahead_s: -3_600 },
      'The clock of this machine is 3,600 s behind the database’s. Clicks get wrong times, and keys and sign-ins expire at the wrong time.',
    ],
  ],
}
const examples = Object.entries(EXAMPLES).flatMap(([code, each]) =>
  each.map(([params, said]) => ({ code: code as Code, params, said })),
)

/** The problems of replicas a, b, c, … */
const fleet = (...each: Problem[][]) =>
  mergeProblems(each.map((problems, place) => ({ id: 'abc'[place]!, now: { problems, troubles: [] } })))
const brief = (problems: FleetProblem[]) => problems.map(({ code, params, replicas }) => [code, params, replicas.join('')])

describe('a sentence', () => {
  test.each(examples)('of $code: $said', ({ code, params, said }) => {
    const problem = problemOf(code, params)
    expect(problem.text).toBe(said)
    expect(problem.text).not.toContain('undefined')
    expect(Value.Check(Now.properties.problems, [problem])).toBe(true)
  })

  test('belongs to each code, and shows times as the reader wants them', () => {
    expect(Object.keys(EXAMPLES).sort()).toEqual(Object.keys(CODES).sort())
    for (const { code, params } of examples)
      expect(sentence(code, params, () => 'noon')).not.toMatch(/\d{4}-\d\d-\d\dT|undefined/)
  })

  test('shows each fault of the survival suite that the console shows, but for those of which it speaks itself', () => {
    const shows = ({ signs }: (typeof FAULTS)[number]) => examples.some(({ said }) => signs.console?.test(`vm:1: ${said}`))
    const others = FAULTS.filter((fault) => fault.signs.console && !shows(fault))
    expect(others.map(({ name }) => name)).toEqual(['kill9-all'])
  })
})

describe('problems of several replicas', () => {
  const flood = (requests: number) => problemOf('unknown_flood', { requests })
  const memory = (percent: number) => problemOf('memory_low', { percent })
  const skew = (ahead_s: number) => problemOf('clock_skew', { ahead_s })
  const full = problemOf('database_refuses', { reason: 'its disk is full' })
  const reworded = problemOf('database_refuses', { reason: 'no space is left' })
  const late = (limit_s: number) => problemOf('click_backlog', { limit_s })
  const down = (since: string, reason?: string) => problemOf('database_unreachable', { since, reason })
  const slow = (since: string) => problemOf('database_slow', { since })
  const over = (until: string, was: 'slow' | 'unreachable' = 'slow') => problemOf('database_over', { was, since: AT, until })

  test.each<[string, Problem[][], ReturnType<typeof brief>]>([
    [
      'one',
      [[flood(5), memory(91)]],
      [
        ['unknown_flood', { requests: 5 }, 'a'],
        ['memory_low', { percent: 91 }, 'a'],
      ],
    ],
    ['two, one of which is well', [[], [memory(91)]], [['memory_low', { percent: 91 }, 'b']]],
    ['two, with other figures', [[memory(91)], [memory(95)]], [['memory_low', { percent: 95 }, 'ab']]],
    ['three, whose figures are added up', [[flood(5)], [flood(7)], [flood(1)]], [['unknown_flood', { requests: 13 }, 'abc']]],
    ['three, and the furthest counts', [[skew(6)], [skew(-9)], [skew(7)]], [['clock_skew', { ahead_s: -9 }, 'abc']]],
    [
      'three, one of which has another limit',
      [[late(30)], [late(60)], [late(30)]],
      [
        ['click_backlog', { limit_s: 30 }, 'ac'],
        ['click_backlog', { limit_s: 60 }, 'b'],
      ],
    ],
    ['two that put the reason in other words', [[full], [reworded]], [['database_refuses', full.params, 'ab']]],
    [
      'two, of different parts of Valkey',
      [[problemOf('shared_cache', { used_for: ['links'] })], [problemOf('shared_cache', { used_for: ['limits'] })]],
      [['shared_cache', { used_for: ['limits', 'links'] }, 'ab']],
    ],
    [
      'three with the database in three states: the worst, since the first of them',
      [[slow(LATER)], [down(LATER, 'its disk is full')], [over(LATER)]],
      [['database_unreachable', { since: AT, reason: 'its disk is full' }, 'abc']],
    ],
    [
      'two of three with a database that is unreachable',
      [[down(AT)], [down(LATER)], []],
      [['database_unreachable', { since: AT }, 'ab']],
    ],
    [
      'two of three with a database that was: it is of all',
      [[over(AT)], [over(LATER, 'unreachable')], []],
      [['database_over', { was: 'unreachable', since: AT, until: LATER }, 'abc']],
    ],
  ])('%s', (_, each, are) => {
    expect(brief(fleet(...each))).toEqual(are)
  })

  test('that were noticed a moment ago are of all replicas', () => {
    expect(fleet([down(new Date().toISOString())], [], [])).toMatchObject([{ replicas: ['a', 'b', 'c'] }])
  })

  test.each(examples)('are merged by $code, however another replica puts it', ({ code, params }) => {
    const problem = problemOf(code, params)
    const reworded = { ...problem, text: `In other words, on 2 replicas at ${LATER}.` }
    for (const each of [[problem], [problem, reworded], [reworded, problem, reworded]])
      expect(fleet(...each.map((one) => [one]))).toMatchObject([{ code, replicas: ['a', 'b', 'c'].slice(0, each.length) }])
  })

  test('of another release are merged by their sentences', () => {
    const older = { id: 'a', now: { troubles: ['It is so.', 'It is not so.'] } }
    const newer = { code: 'unheard_of', params: { of: 1 }, tone: 'bad' as const, cause: 'unheard_of', text: 'It is new.' }
    const parts = [older, { ...older, id: 'b' }, { id: 'c', now: { problems: [newer], troubles: [] } }]
    expect(mergeProblems(parts)).toEqual([
      { cause: 'It is so.', text: 'It is so.', replicas: ['a', 'b'] },
      { cause: 'It is not so.', text: 'It is not so.', replicas: ['a', 'b'] },
      { ...newer, replicas: ['c'] },
    ])
  })
})
