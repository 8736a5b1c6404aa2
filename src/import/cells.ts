// What a cell of a CSV file may hold.

import type { TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Problem } from '../http/problem.ts'
import { assertStorable, validationProblem } from '../http/validation.ts'
import { BadCell, type Column } from './csv.ts'

export const required = <T>(read: (text: string) => T): Column<T, true> => ({ required: true, read })
export const optional = <T>(read: (text: string) => T): Column<T, false> => ({ required: false, read })

/** A text that keeps the rules the API has for it. */
export const text = (schema: TSchema) => (cell: string) => {
  if (!Value.Check(schema, cell)) throw new BadCell(validationProblem(Value.Errors(schema, cell)).details![0]!.message)
  return cell
}

export const MAX_ID = 2 ** 52

/** Beyond 2^52 the next ids would soon be no JSON numbers any more. */
export function id(cell: string): number {
  const number = Number(cell)
  if (!/^\s*\d+\s*$/.test(cell)) throw new BadCell('must be a whole number')
  if (number < 1 || number > MAX_ID) throw new BadCell(`must be from 1 to ${MAX_ID}`)
  return number
}

/** True, False, true, false, 1 or 0. */
export function flag(cell: string): boolean {
  const word = cell.trim().toLowerCase()
  if (word === 'true' || word === '1') return true
  if (word === 'false' || word === '0') return false
  throw new BadCell('must be True or False')
}

const TIME = /^([12]\d{3}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?:(:\d\d)(\.\d+)?)?\s?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

/** `2025-09-19 22:25:05` or ISO 8601; without a zone it is UTC. The answer is ISO 8601 in UTC. */
export function time(cell: string): string {
  const [, day, minute = '00:00', second = ':00', fraction = '', zone = 'Z'] = TIME.exec(cell.trim()) ?? []
  const offset = zone.toUpperCase() === 'Z' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3).replace(':', '') || '00'}`
  const date = new Date(`${day}T${minute}${second}${fraction.slice(0, 4)}${offset}`)
  // JavaScript takes the 30th of February for the 2nd of March.
  if (Number.isNaN(date.getTime()) || minute.startsWith('24') || new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) !== day)
    throw new BadCell('must be a time like 2025-09-19 22:25:05')
  return date.toISOString()
}

const MAX_DEPTH = 64

/** A JSON object. */
export function jsonObject(cell: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(cell)
  } catch {
    throw new BadCell('must be a JSON object')
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new BadCell('must be a JSON object')
  if (deeperThan(MAX_DEPTH, value)) throw new BadCell(`must not be nested more than ${MAX_DEPTH} deep`)
  try {
    assertStorable(value)
  } catch (error) {
    throw new BadCell((error as Problem).details![0]!.message)
  }
  return value as Record<string, unknown>
}

const deeperThan = (depth: number, value: unknown): boolean =>
  value !== null && typeof value === 'object' && (depth === 0 || Object.values(value).some((item) => deeperThan(depth - 1, item)))
