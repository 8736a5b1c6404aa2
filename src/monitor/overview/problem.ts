// Creates a problem from its code and params, and joins two with the same code. Server and console import this file.
import type { Problem } from './schema.ts'
import { type Code, isCode, type Params, type ParamsOf, type Rule, sentence, traitsOf } from './sentences.ts'

export const problemOf = <C extends Code>(code: C, params: ParamsOf<C>): Problem => anyProblem(code, params)

/** The same for a code that is only known at run time. */
export function anyProblem(code: Code, params: Params): Problem {
  const { cause, tone, state } = traitsOf(code)
  const { since, until, reason } = state ? (params as Record<string, string | undefined>) : {}
  const known = Object.entries(params).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  return { code, params: Object.fromEntries(known), tone, cause, text: sentence(code, params), state, since, until, reason }
}

/** Joins two problems with the same code: their params follow the rules of the table. */
export function joined(one: Problem, other: Problem): Problem {
  const { code, params = {} } = one
  if (!isCode(code)) return one
  const rules = Object.entries(traitsOf(code).join)
  const values = rules.map(([name, rule]) => [name, join(rule, params[name], other.params?.[name])])
  return anyProblem(code, { ...params, ...Object.fromEntries(values) })
}

type Value = Params[string]
const join = (rule: Rule, one: Value, other: Value) =>
  one === undefined || other === undefined ? (one ?? other) : rule(one, other)
