// Readers for the cells of a CSV file.

import type { TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Problem } from '../base/problem.ts'
import { readTime } from '../base/time.ts'
import { assertStorable, tidyName, validationProblem } from '../http/validation.ts'
import { BadCell } from './bad-rows.ts'
import type { Column } from './csv.ts'

export const required = <T>(read: (text: string) => T): Column<T, true> => ({ required: true, read })
export const optional = <T>(read: (text: string) => T): Column<T, false> => ({ required: false, read })

/** A name as POST /users accepts it: trimmed, in NFC. */
export const name = (schema: TSchema) => (cell: string) => text(schema)(tidyName(cell))

/** A text, validated by the API's schema. */
export const text = (schema: TSchema) => (cell: string) => {
  if (!Value.Check(schema, cell)) throw new BadCell(validationProblem(Value.Errors(schema, cell)).details![0]!.message)
  return cell
}

const MAX_ID = 2 ** 52

/** At most 2^52: above it, new ids would soon exceed what JSON numbers can represent. */
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

/** `2025-09-19 22:25:05` or ISO 8601, UTC if it has no zone. Returns ISO 8601 in UTC. */
export function time(cell: string): string {
  const time = readTime(cell)
  if (time === undefined) throw new BadCell('must be a time such as 2025-09-19 22:25:05')
  return time
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
  if (deeperThan(MAX_DEPTH, value)) throw new BadCell(`must not be nested more than ${MAX_DEPTH} levels deep`)
  try {
    assertStorable(value)
  } catch (error) {
    throw new BadCell((error as Problem).details![0]!.message)
  }
  return value as Record<string, unknown>
}

const deeperThan = (depth: number, value: unknown): boolean =>
  value !== null && typeof value === 'object' && (depth === 0 || Object.values(value).some((item) => deeperThan(depth - 1, item)))
