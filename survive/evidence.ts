// What shows that something is wrong, while it is: what the replicas say about themselves, what the console shows of it, and nginx's log.
import { join } from 'node:path'
import type { Fault, Growth, Signs } from './fault.ts'
import type { Fleet, Member } from './fleet.ts'
import type { Screen } from './screen.ts'

/** What is looked at. */
type Watched = Pick<Fleet, 'dir' | 'nginxLog'> & { members: Speaker[] }
type Speaker = Pick<Member, 'number' | 'ask'> & { replica: Pick<Member['replica'], 'url'> }
type Shown = Pick<Screen, 'read' | 'live' | 'picture'>

type Kind = keyof Signs

/** The line that showed the fault; undefined: it should have been shown, and was not. */
export type Evidence = { [K in Kind]?: string | undefined }

/** `key`: what it is about. A line counts if no matching one of this key existed before the fault, or only one with a lower value. */
type Line = { key: string; text: string; value: number }

const EVERY = 400
const LONGEST = 200
const QUIET_WITHIN = 60_000
const STAMP = /^[\d/]+ [\d:]+ (?=\[)/ // of nginx's lines

/**
 * Checks until each sign was seen. Lines that existed before the call do not count: `early` names the signs for which there were only such lines.
 * Signs of the console are skipped without a browser. A screenshot is kept of the first one.
 */
export async function lookFor({ name, signs }: Pick<Fault, 'name' | 'signs'>, fleet: Watched, screen: Shown | undefined) {
  const found: Evidence = {}
  const wanted = (Object.keys(signs) as Kind[]).filter((kind) => kind !== 'console' || screen)
  for (const kind of wanted) found[kind] = undefined
  const before = new Map<string, Line>()
  const wasSaid = new Set<Kind>()
  const stop = Promise.withResolvers<void>()
  let stopped = false

  const linesOf = async (kind: Kind): Promise<Line[]> => {
    if (kind === 'console') return (await screen!.read()).map(plain)
    if (kind === 'nginx')
      return (await fleet.nginxLog()).map((text, place) => ({ key: `${place}`, text: text.replace(STAMP, ''), value: 0 }))
    const said = await Promise.all(fleet.members.map((member) => linesFrom(member, kind, fleet).catch(() => [])))
    return said.flat()
  }

  async function look(kind: Kind) {
    for (const line of await linesOf(kind).catch(() => [])) {
      if (!matches(signs[kind]!, line.key, line.text)) continue
      const was = before.get(`${kind} ${line.key}`)
      const from = was === undefined || was.value > line.value ? 0 : was.value // a restarted process counts from 0
      const sign = signs[kind]!
      const isMore = was === undefined || (kind === 'alert' && line.value > was.value)
      const shows = 'grows' in sign ? line.value - from >= sign.by : isMore
      if (shows && kind === 'console' && !found[kind]) void screen!.picture(join(fleet.dir, `console-${name}.png`))
      if (shows) found[kind] ??= ('grows' in sign ? grownTo(line, from) : line.text).slice(0, LONGEST)
      else wasSaid.add(kind)
    }
  }

  await screen?.live()
  await Promise.all(
    wanted.map(async (kind) => {
      for (const line of await linesOf(kind).catch(() => []))
        if (matches(signs[kind]!, line.key, line.text)) before.set(`${kind} ${line.key}`, line)
    }),
  )
  const looking = wanted.map(async (kind) => {
    while (!stopped && !found[kind]) {
      await look(kind)
      await Promise.race([Bun.sleep(EVERY), stop.promise])
    }
  })

  return async () => {
    stopped = true
    stop.resolve()
    await Promise.all(looking)
    await Promise.all(wanted.filter((kind) => !found[kind]).map(look))
    return { evidence: found, early: wanted.filter((kind) => !found[kind] && wasSaid.has(kind)) }
  }
}

const plain = (text: string): Line => ({ key: text, text, value: 0 })

/** The key of a counter is its name; that of everything else is its text. */
/** Waits until the alert of this fault has ended: that takes half a minute after its cause. */
export async function untilQuiet({ signs }: Pick<Fault, 'signs'>, fleet: Watched): Promise<void> {
  const { alert } = signs
  const until = Date.now() + QUIET_WITHIN
  while (alert && Date.now() < until) {
    const said = await Promise.all(fleet.members.map((member) => linesFrom(member, 'alert', fleet).catch(() => [])))
    if (!said.flat().some(({ key, text }) => matches(alert, key, text))) return
    await Bun.sleep(EVERY)
  }
}

const matches = (sign: RegExp | Growth, key: string, text: string) =>
  'grows' in sign ? sign.grows.test(key.slice(key.indexOf(' ') + 1)) : sign.test(text)

const grownTo = ({ text, value }: Line, from: number) =>
  `${text.slice(0, text.lastIndexOf(' '))} +${Math.round((value - from) * 1000) / 1000}`

async function linesFrom(member: Speaker, kind: Exclude<Kind, 'console' | 'nginx'>, { members }: Watched): Promise<Line[]> {
  const get = async (path: string) => (await member.ask(path)).text()
  const own = (key: string, text: string, value = 0) => ({ key: `${member.number} ${key}`, text, value })
  if (kind === 'metric')
    return (await get('/metrics'))
      .split('\n')
      .filter((line) => line && !line.startsWith('#'))
      .flatMap((line) => {
        const end = line.lastIndexOf(' ')
        const value = Number(line.slice(end + 1))
        return [own(line.slice(0, end), line, value)]
      })
  if (kind === 'log') {
    const { logs } = JSON.parse(await get('/logs?limit=200')) as { logs: Record<string, unknown>[] }
    return logs.map((line) => own(JSON.stringify(line), String(line.msg ?? line.message)))
  }
  if (kind === 'alert') {
    const alerts = JSON.parse(await get('/alert-status')) as Record<string, { state: string; value: number; unit: string }>
    return Object.entries(alerts).map(([name, { state, value, unit }]) =>
      own(`${name} ${state}`, `${name} ${state}: ${value} ${unit}`, value),
    )
  }
  const { replicas } = JSON.parse(await get('/api/fleet')) as { replicas: { url: string; state: string; version: string }[] }
  return replicas.map(({ url, state, version }) => {
    const number = members.find(({ replica }) => replica.url === url)?.number
    return plain(`${number ? `replica ${number}` : url} is ${state}, version ${version}`)
  })
}
