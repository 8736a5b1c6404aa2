// A notice in words: what, since when, value and limit, which replica, and where it says what to do.
import type { Notice } from './schema.ts'

/** One line, for a subject or a title. */
export function titleOf({ alert, kind, test, replicas }: Notice): string {
  const where = replicas.length === 1 ? replicas[0] : `${replicas.length} replicas`
  return `${test ? '[TEST] ' : ''}${kind === 'firing' ? 'FIRING' : 'RECOVERED'}: ${alert} on ${where}`
}

/** What the title does not say, by name. `runbook` is the page's address without the alert's name. */
export function factsOf(notice: Notice, runbook: string): [name: string, value: string][] {
  const { kind, since, at, value, limit, unit, replicas } = notice
  return [
    kind === 'firing' ? ['Since', moment(since)] : ['Fired', `${moment(since)} to ${moment(at)}`],
    [kind === 'firing' ? 'Value' : 'Value when told', `${value} (${unit})`],
    ['Limit', `fires above ${limit}`],
    [replicas.length === 1 ? 'Replica' : 'Replicas', replicas.join('; ')],
    ['Runbook', runbookOf(notice, runbook)],
  ]
}

/** What it is about, in a sentence or two. */
export function meaningOf({ kind, test, help }: Notice): string {
  if (test) return `This is a test: somebody tried out whom this alert reaches. Nothing is wrong. It is about: ${help}`
  return kind === 'firing' ? help : `It fires no more, on any replica. It was about: ${help}`
}

export const runbookOf = ({ alert }: Notice, runbook: string) => `${runbook}#${alert}`

/** All of it as plain text. */
export const textOf = (notice: Notice, runbook: string) =>
  `${meaningOf(notice)}\n\n${factsOf(notice, runbook)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')}\n`

const moment = (iso: string) => `${iso.slice(0, 19).replace('T', ' ')} UTC`
