// Merges the problems of several replicas: one line per code, even if the sentences differ. Server and console import this file.
import { anyProblem, joined } from './problem.ts'
import type { Problem } from './schema.ts'
import { DATABASE_STATES, isCode, traitsOf } from './sentences.ts'

/** `replicas`: the ids of the replicas that have the problem. */
export type FleetProblem = Problem & { replicas: string[] }

/** The problems of one replica. An older release only has sentences, each with its own cause. */
type Part = { id: string; now: { problems?: Problem[]; troubles: string[] } }

/** ms. A problem with the shared database that is this new counts for all replicas: some may not have noticed it yet. */
const SEEN_WITHIN = 30_000

/** One problem per code and params that cannot be joined; all states of the database are one. */
export function mergeProblems(parts: Part[]): FleetProblem[] {
  const found = new Map<string, { all: Problem[]; replicas: string[] }>()
  for (const { id, now } of parts)
    for (const problem of now.problems ?? now.troubles.map((text): Problem => ({ cause: text, text }))) {
      const key = keyOf(problem)
      const known = found.get(key) ?? { all: [], replicas: [] }
      known.all.push(problem)
      known.replicas.push(id)
      found.set(key, known)
    }
  return [...found].map(([key, { all, replicas }]) => {
    if (key !== DATABASE) return { ...all.reduce(joined), replicas }
    const one = joinedDatabase(all)
    return { ...one, replicas: one.state === 'over' || isNews(all) ? parts.map(({ id }) => id) : replicas }
  })
}

const DATABASE = 'the state of the database'
const isState = (code: string | undefined) => DATABASE_STATES.some((one) => one === code)

function keyOf({ code, params = {}, cause, text }: Problem): string {
  if (!isCode(code)) return `${cause} ${text}`
  if (isState(code)) return DATABASE
  const { join } = traitsOf(code)
  const fixed = Object.entries(params).filter(([name]) => !(name in join))
  return JSON.stringify([code, ...fixed.sort()])
}

/**
 * Merges several replicas' problems with the database into one: the worst state, since the first replica saw it. So it changes when the
 * database does, and not whenever another replica notices.
 */
function joinedDatabase(problems: Problem[]): Problem {
  const worst = DATABASE_STATES.find((state) => problems.some(({ code }) => code === state))!
  const same = problems.filter(({ code }) => code === worst).reduce(joined)
  const since = problems.flatMap(({ since }) => since ?? []).sort()[0]
  return anyProblem(worst, { ...same.params, since })
}

/** It was noticed so recently that other replicas may not have noticed it yet. */
const isNews = (problems: Problem[]) =>
  problems.every(({ since }) => since !== undefined && Date.now() - Date.parse(since) < SEEN_WITHIN)
