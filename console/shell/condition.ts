// The condition of the fleet, as one word for the top and as lines for the banner.
import { counted } from '../../src/base/counted.ts'
import { type FleetProblem, mergeProblems } from '../../src/monitor/overview/merge.ts'
import { isCode, sentence } from '../../src/monitor/overview/sentences.ts'
import { titleOf } from '../alerts/alert.ts'
import type { Tone } from '../kit/parts/state.tsx'
import { sentence as errorSentence } from '../kit/parts/trouble.tsx'
import { type Live, nows, type Replica } from '../kit/server/live.ts'
import { UNREACHABLE } from '../kit/server/refusal.ts'
import { fleetOf, nameOf } from '../kit/server/replicas.ts'
import { NO_CONNECTION, type State } from '../kit/server/state.ts'
import type { StreamState } from '../kit/server/stream.ts'

export type Condition = { tone: Tone; word: string; reason: string }

export type BannerLine = {
  tone: 'warn' | 'bad'
  /** What it is about. Screen readers hear a line when its cause is new, not when its text changes. */
  cause: string
  /** The replicas concerned, unless it is all of them. */
  where: string
  /** Without a full stop if `until` follows. */
  text: string
  /** When it ends by itself. */
  until?: string
  /** The page with more about it. */
  page?: 'alerts' | 'chaos'
  retryAt?: number
  /** When something last arrived from the server. */
  heardAt?: number
}

export function conditionOf(server: State, live: Live | undefined, { phase, error }: StreamState): Condition {
  if (phase === 'cut' && error?.status === 0) return { tone: 'bad', word: NO_CONNECTION, reason: error.message }
  if (phase === 'silent') return { tone: 'warn', word: 'Not live', reason: 'The server has sent nothing for 3 seconds.' }
  if (!live || phase === 'cut') return server
  const all = nows(live)
  const replicas = live.replicas ?? []
  const problems = problemsIn(live)
  const alerts = alertsIn(live).filter(({ test }) => !test)
  const lost = replicas.some(({ state }) => state === 'lost')
  const recovering = problems.every(({ tone }) => tone === 'warn') && alerts.every(({ cause }) => cause === 'database')
  if (lost || !recovering) {
    const count = alerts.length === 0 ? '' : ` · ${counted(alerts.length, 'alert')}`
    return { tone: 'bad', word: `Problem${count}`, reason: '' }
  }
  if (problems.length > 0) return { tone: 'warn', word: 'Recovering', reason: '' }
  if (alerts.length > 0) return { tone: 'bad', word: `Problem · ${counted(alerts.length, 'alert')}`, reason: '' }
  if (all.some(({ now }) => now.faults.length > 0)) return { tone: 'warn', word: 'Fault armed', reason: '' }
  if (replicas.some(({ state }) => state !== 'ready')) return { tone: 'warn', word: fleetOf(replicas), reason: '' }
  return { tone: 'good', word: 'Healthy', reason: '' }
}

/** Worst first: one line for each cause, however many replicas and alerts report it. */
export function bannerOf(server: State, live: Live | undefined, stream: StreamState): BannerLine[] {
  if (stream.phase === 'cut' && stream.error?.status !== 401) {
    const text = server.unreachable ? UNREACHABLE : cutOff(stream)
    return [{ tone: 'bad', cause: 'connection', where: '', text, retryAt: stream.retryAt }]
  }
  if (stream.phase === 'silent') {
    const text = 'The server does not respond, so the page may be out of date.'
    return [{ tone: 'warn', cause: 'connection', where: '', text, heardAt: stream.heardAt }]
  }
  if (!live)
    return server.tone === 'bad' && server.reason ? [{ tone: 'bad', cause: 'server', where: '', text: server.reason }] : []
  const replicas = live.replicas ?? []
  const among = nows(live).length
  const namesOf = (ids: string[]) =>
    ids.length >= among
      ? ''
      : ids.flatMap((id) => replicas.filter((one) => one.id === id).map((one) => nameOf(one, replicas))).join(', ')
  const alerts = alertsIn(live)
  const lines = [
    ...replicas.filter(({ state }) => state === 'lost').map((one) => lostLine(one, replicas)),
    ...replicas.filter(({ unanswered, state }) => unanswered && state !== 'lost').map((one) => silentLine(one, replicas)),
    ...problemsIn(live).map(
      (problem): BannerLine => ({
        tone: problem.tone ?? 'bad',
        cause: problem.cause,
        where: namesOf(problem.replicas),
        text: textOf(problem),
      }),
    ),
  ]
  for (const { name, since, cause, test, until, of } of alerts) {
    const known = lines.find((line) => !test && line.cause === cause)
    if (known) known.page = 'alerts'
    else if (test)
      lines.push({ tone: 'warn', cause: `test ${name}`, where: namesOf(of), ...testText(name, until), page: 'alerts' })
    else lines.push({ tone: 'bad', cause, where: namesOf(of), text: `${titleOf(name)}, since ${clock(since)}.`, page: 'alerts' })
  }
  return [...lines, ...faultsIn(live).map(({ of, ...line }) => ({ ...line, where: namesOf(of) }))].sort(
    (a, b) => Number(a.tone === 'warn') - Number(b.tone === 'warn'),
  )
}

/** A server of an older release does not merge the problems of its replicas. */
const problemsIn = (live: Live): FleetProblem[] =>
  live.problems ?? mergeProblems(nows(live).map(({ replica, now }) => ({ id: replica?.id ?? '', now })))

/** An unknown code, of a newer release, keeps the server's sentence. */
const textOf = ({ code, params = {}, text }: FleetProblem) => (isCode(code) ? sentence(code, params, clock) : text)

type Firing = { name: string; since: string; cause: string; test: boolean; until: string | undefined; of: string[] }

/** Each alert once; tests are separate from real ones. */
function alertsIn(live: Live): Firing[] {
  const found = new Map<string, Firing>()
  for (const { replica, now } of nows(live))
    for (const { name, since, cause = name, test = false, until } of now.alerts) {
      const key = `${name} ${test}`
      const known = found.get(key) ?? { name, since, cause, test, until: until ?? undefined, of: [] }
      if (since < known.since) known.since = since
      if (until && (!known.until || until > known.until)) known.until = until
      if (replica) known.of.push(replica.id)
      found.set(key, known)
    }
  return [...found.values()]
}

/** Each armed fault once, with its latest end. */
function faultsIn(live: Live) {
  const found = new Map<string, Omit<BannerLine, 'where'> & { of: string[] }>()
  for (const { replica, now } of nows(live))
    for (const { fault, until } of now.faults) {
      const text = `Fault armed: ${fault.replaceAll('-', ' ')}`
      const known = found.get(fault) ?? { tone: 'warn', cause: `fault ${fault}`, text, until, page: 'chaos', of: [] }
      if (until > (known.until ?? '')) known.until = until
      if (replica) known.of.push(replica.id)
      found.set(fault, known)
    }
  return [...found.values()]
}

const lostLine = (replica: Replica, among: Replica[]): BannerLine => ({
  tone: 'bad',
  cause: 'replica',
  where: nameOf(replica, among),
  text: sentence('replica_lost', { since: replica.seen_at }, clock),
})

const silentLine = (replica: Replica, among: Replica[]): BannerLine => ({
  tone: 'warn',
  cause: `silent ${replica.id}`,
  where: nameOf(replica, among),
  text: sentence('replica_silent', { reason: replica.unanswered }),
})

const testText = (name: string, until: string | undefined) => ({
  text: `Test of the alert “${titleOf(name)}”${until ? '' : '.'}`,
  until,
})

/** "Not live: showing data from 17:39:25. The server ended the stream." */
const cutOff = ({ error, heardAt }: StreamState) =>
  `Not live${heardAt ? `: showing data from ${clock(heardAt)}` : ''}. ${error ? errorSentence(error) : 'The connection is lost.'}`

/** 14:05:09, in the reader's time zone. */
const clock = (time: string | number) => new Date(time).toLocaleTimeString('en-GB')
