// From what the server and the fleet say to one word, and to the notices of the banner.
import type { Tone } from '../parts/state.tsx'
import { type Live, type Now, nows, type Replica } from '../server/live.ts'
import type { State } from '../server/state.ts'
import type { StreamState } from '../server/stream.ts'

export type Condition = { tone: Tone; word: string; reason: string }

export type Notice = {
  tone: 'warn' | 'bad'
  /** Which replicas, where it is not all of them. */
  where: string
  text: string
  /** When it ends by itself. */
  until?: string
  /** The page that says more. */
  page?: 'alerts' | 'chaos'
  retryAt?: number
}

/** The host, and what tells those on one host apart. */
export function nameOf(replica: Replica, among: Replica[]): string {
  const { hostname, slot, url } = replica
  const beside = among.filter((other) => other !== replica && other.hostname === hostname)
  if (beside.length === 0) return hostname
  if (beside.every((other) => other.slot !== slot)) return `${hostname}/${slot}`
  return `${hostname}:${URL.parse(url ?? '')?.port || slot}`
}

/** 3 replicas; 2 of 3 ready; 1 replica, degraded */
export function fleetOf(replicas: Pick<Replica, 'state'>[]): string {
  const [only] = replicas
  if (only && replicas.length === 1) return only.state === 'ready' ? '1 replica' : `1 replica, ${only.state}`
  const well = replicas.filter(({ state }) => state === 'ready').length
  return well === replicas.length ? `${well} replicas` : `${well} of ${replicas.length} ready`
}

export function conditionOf(server: State, live: Live | undefined, phase: StreamState['phase']): Condition {
  if (!live || phase === 'cut') return server.tone === 'good' ? { tone: 'good', word: 'ready', reason: '' } : server
  const all = nows(live)
  const lost = (live.replicas ?? []).filter(({ state }) => state === 'lost').length
  const troubled = all.some(({ now }) => now.troubles.length > 0 || now.alerts.length > 0)
  if (troubled || lost > 0) return { tone: 'bad', word: 'not all is well', reason: '' }
  if (all.some(({ now }) => now.faults.length > 0)) return { tone: 'warn', word: 'a fault is armed', reason: '' }
  if ((live.replicas ?? []).some(({ state }) => state !== 'ready')) return { tone: 'warn', word: 'not all are ready', reason: '' }
  return { tone: 'good', word: 'all is well', reason: '' }
}

/** Worst first. What several replicas say alike is said once. */
export function noticesOf(server: State, live: Live | undefined, stream: StreamState): Notice[] {
  if (stream.phase === 'cut' && stream.error?.status !== 401) {
    const text = server.tone === 'bad' && server.word === 'no answer' ? 'The server cannot be reached.' : cutOff(stream)
    return [{ tone: 'bad', where: '', text, retryAt: stream.retryAt }]
  }
  if (!live) return server.tone === 'bad' && server.reason ? [{ tone: 'bad', where: '', text: server.reason }] : []
  const replicas = live.replicas ?? []
  const notices: Notice[] = replicas
    .filter(({ state }) => state === 'lost')
    .map((replica) => ({
      tone: 'bad',
      where: nameOf(replica, replicas),
      text: `Lost: not heard of since ${clock(replica.seen_at)}. Its clicks wait in its journal until it or another replica adopts them.`,
    }))
  for (const replica of replicas)
    if (replica.unanswered && replica.state !== 'lost')
      notices.push({ tone: 'warn', where: nameOf(replica, replicas), text: `Left out of the figures: ${replica.unanswered}.` })
  const said = new Map<string, Notice & { by: Replica[] }>()
  const say = (notice: Omit<Notice, 'where'>, replica: Replica | undefined) => {
    const key = notice.text.replace(/\d+/g, '#')
    const known = said.get(key) ?? { ...notice, where: '', by: [] }
    if (notice.until && known.until && notice.until > known.until) known.until = notice.until
    if (replica) known.by.push(replica)
    said.set(key, known)
  }
  for (const { replica, now } of nows(live)) {
    for (const text of now.troubles) say({ tone: 'bad', text: withClocks(text) }, replica)
    for (const { name, since } of now.alerts) say({ tone: 'bad', text: alertText(name, since), page: 'alerts' }, replica)
    for (const fault of now.faults) say(faultNotice(fault), replica)
  }
  const among = nows(live).length
  for (const { by, ...notice } of said.values())
    notices.push({ ...notice, where: by.length === among ? '' : by.map((replica) => nameOf(replica, replicas)).join(', ') })
  return notices.sort((a, b) => Number(a.tone === 'warn') - Number(b.tone === 'warn'))
}

const cutOff = ({ error }: StreamState) =>
  `What you see is not live: ${(error?.message ?? 'the connection is gone').replace(/[.]$/, '').replace(/^The/, 'the')}.`

const alertText = (name: string, since: string) => `Alert ${name.replaceAll('_', ' ')}, since ${clock(since)}.`

const faultNotice = ({ fault, until }: Now['faults'][number]): Omit<Notice, 'where'> => ({
  tone: 'warn',
  text: `Fault armed: ${fault.replaceAll('-', ' ')}.`,
  until,
  page: 'chaos',
})

/** 14:05:09, in the reader's zone. */
const clock = (time: string) => new Date(time).toLocaleTimeString('en-GB')
const withClocks = (text: string) => text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, clock)
