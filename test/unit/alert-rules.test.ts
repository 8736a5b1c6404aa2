// Each built-in alert has a rule of Prometheus that fires above the same limit, or is listed here with the reason why not.
// The rules of Kubernetes are written from the same file: kubernetes.test.ts compares them.
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ALERTS, type AlertName, alertOf } from '../../src/monitor/alerts/index.ts'

type Rule = { alert: string; expr: string }

const file = join(import.meta.dir, '../../deploy/prometheus/rules/alerts.yml')
const { groups } = Bun.YAML.parse(readFileSync(file, 'utf8')) as { groups: { rules: Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)

/** Alerts whose rule has another name, another limit (in the alert's unit) or none (null), and why. */
const OTHERWISE: Partial<Record<AlertName, { rule?: string | null; limit?: number | null; why: string }>> = {
  service_down: { rule: 'DatabaseUnreachable', why: 'ServiceDown is a replica that cannot be scraped' },
  click_backlog: { rule: 'ClickBacklogGrowing', why: 'it fires only while the backlog does not shrink' },
  disk_space: { rule: null, why: 'nobody wrote one yet; waypost_disk_short_bytes would be its metric' },
  replica_lost: { limit: null, why: 'it compares the replicas that are up with those that were' },
  memory_low: { rule: 'HighMemory', limit: 80, why: 'it warns of what grows for minutes, the alert of what is about to end' },
}

const pascalCase = (name: string) => name.replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase())

/** Prometheus counts in shares, seconds and bytes. */
function inBaseUnit(limit: number, unit: string): number {
  if (unit.startsWith('%')) return limit / 100
  if (unit.startsWith('ms ')) return limit / 1000
  return unit.startsWith('MiB ') ? limit * 1024 ** 2 : limit
}

/** What the first comparison is with: a flag that is 0 or 1 has no limit but 0. */
function limitOf(expr: string): number {
  const [, comparison, value] = /(>|==) ([\d.]+)/.exec(expr) ?? []
  return comparison === '==' ? 0 : Number(value)
}

test.each(ALERTS.map(({ name }) => name))('%s has a rule above the same limit', (name) => {
  const { limit, unit } = alertOf(name)!
  const { rule = pascalCase(name), limit: compared = limit } = OTHERWISE[name] ?? {}
  const named = rules.filter(({ alert }) => alert === rule)
  expect(named).toHaveLength(rule === null ? 0 : 1)
  for (const { expr } of named) if (compared !== null) expect(limitOf(expr)).toBe(inBaseUnit(compared, unit))
})

test('a rule that compares with another limit is found', () => {
  expect(limitOf('abs(waypost_clock_offset_seconds) > 6')).not.toBe(5)
  expect(limitOf('waypost:replicas:up < 3')).toBeNaN()
  expect([inBaseUnit(90, '% of x'), inBaseUnit(150, 'ms of x'), inBaseUnit(5, 'seconds')]).toEqual([0.9, 0.15, 5])
})
