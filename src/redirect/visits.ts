// Visits of a link that are not a GET or HEAD of its code: of a path below the code, and by the form of its page.
import type { Limits } from '../access/limits/limits.ts'
import { CODE, RESERVED } from '../base/code.ts'
import { codeOfPath } from '../base/ending.ts'
import { exchangeOf } from '../http/exchange.ts'
import { isGuarded } from './entrance.ts'
import type { Resolver } from './resolver.ts'
import type { Ruled } from './ruled.ts'
import type { Target } from './target.ts'

/** Answers a request of a path that no route has; undefined if no link wants it. */
export type Visit = (request: Request, path: string) => Response | undefined | Promise<Response | undefined>

type Parts = {
  resolver: Pick<Resolver, 'inMemory' | 'inEdge' | 'isWhole' | 'find'>
  limits: Pick<Limits, 'take'>
  ruled: Ruled
  withinLimit: (request: Request, answer: () => Response | Promise<Response>) => Response | Promise<Response>
}

/** `below` answers a GET or HEAD of `/code/rest`, if the link forwards paths; `submit` a POST of the form on a link's page. */
export function createVisits({ resolver, limits, ruled, withinLimit }: Parts): { below: Visit; submit: Visit } {
  return {
    below(request, path) {
      const started = performance.now()
      const [, code = '', rest = ''] = FORWARDED.exec(path) ?? []
      if (!CODE.test(code) || RESERVED.has(code)) return undefined
      const known = resolver.inMemory(code) ?? resolver.inEdge(code)
      const answer = (target: Target | undefined) =>
        target?.ruled?.forward_path
          ? withinLimit(request, () => ruled(request, target.ruled!, known ? 'hit' : 'miss', started, rest))
          : undefined
      return known ? answer(known) : undefined
    },

    async submit(request, path) {
      const { code, rest } = submittedTo(path)
      if (code === undefined) return undefined
      const near = resolver.inMemory(code) ?? resolver.inEdge(code)
      const target = near ?? (rest !== undefined || resolver.isWhole() ? undefined : await resolver.find(code))
      const rules = target?.ruled
      if (!rules || !isGuarded(rules) || (rest !== undefined && !rules.forward_path)) {
        if (!target?.location && rest === undefined) await limits.take('unknown', request) // else this would find codes
        return undefined
      }
      exchangeOf(request).route = '/:code'
      return withinLimit(request, () => ruled(request, rules, near ? 'hit' : 'miss', performance.now(), rest))
    },
  }
}

/** A code, and the path behind it. */
const FORWARDED = /^\/([^/]+)(\/.+)$/

/** The other paths of a redirect. */
const IN_API = /^\/urls\/([^/]+)(\/redirect)?$/

/** The code whose page is at this path, and the path that it forwards. Ids are not codes. */
function submittedTo(path: string): { code?: string; rest?: string } {
  const [, named, redirect] = IN_API.exec(path) ?? []
  if (named !== undefined) return { code: redirect || /\D/.test(named) ? codeOfPath(named) : undefined }
  const code = codeOfPath(path.slice(1)) // with what a chat appended, a slash for example
  if (code !== undefined) return { code }
  const [, first = '', rest] = FORWARDED.exec(path) ?? []
  return { code: codeOfPath(first), rest }
}
