// The texts of a notification: what, since when, value and limit, which replica, and the runbook's URL.
import { visibleLine } from '../../base/visible.ts'
import type { Notification } from './schema.ts'

/** One line, for a subject or a title. */
export function titleOf({ alert, kind, test, replicas }: Notification): string {
  const where = replicas.length === 1 ? visibleLine(replicas[0]!) : `${replicas.length} replicas`
  return `${test ? '[TEST] ' : ''}${kind === 'firing' ? 'FIRING' : 'RECOVERED'}: ${alert} on ${where}`
}

/** The facts below the title, by name. `runbook` is the URL of the runbook without the alert's name. */
export function factsOf(notification: Notification, runbook: string): [name: string, value: string][] {
  const { kind, since, at, value, limit, unit, replicas } = notification
  return [
    kind === 'firing' ? ['Since', moment(since)] : ['Fired', `${moment(since)} to ${moment(at)}`],
    [kind === 'firing' ? 'Value' : 'Value when sent', `${value} (${unit})`],
    ['Limit', `fires above ${limit}`],
    [replicas.length === 1 ? 'Replica' : 'Replicas', visibleLine(replicas.join('; '))],
    ['Runbook', runbookOf(notification, runbook)],
  ]
}

/** What the alert means, in one or two sentences. */
export function meaningOf({ kind, test, help }: Notification): string {
  if (test) return `This is a test of the notifications for this alert. Nothing is wrong. Its meaning: ${help}`
  return kind === 'firing' ? help : `The alert has ended on all replicas. Its meaning: ${help}`
}

export const runbookOf = ({ alert }: Notification, runbook: string) => `${runbook}#${alert}`

/** All of it as plain text. */
export const textOf = (notification: Notification, runbook: string) =>
  `${meaningOf(notification)}\n\n${factsOf(notification, runbook)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')}\n`

const moment = (iso: string) => `${iso.slice(0, 19).replace('T', ' ')} UTC`
