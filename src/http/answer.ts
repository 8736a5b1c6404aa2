// What leaves the server: values as JSON, errors as problems.
import { DatabaseAway } from '../database/guard.ts'
import { exchangeOf } from './exchange.ts'
import { errorPage, errorPageHeaders, prefersHtml } from './pages.ts'
import { Problem, problemBody, unavailable } from './problem.ts'
import { validationProblem } from './validation.ts'

/** A handler's value as JSON with its ETag: 304 where the client has it, 204 where there is none. Undefined for what is a Response already. */
export function answerJson(
  request: Request,
  value: unknown,
  set: { status?: number | string; headers: Record<string, unknown> },
): Response | undefined {
  if (value instanceof Response) return undefined
  const status = Number(set.status ?? 200)
  const headers = { ...(set.headers as Record<string, string>), 'Cache-Control': 'private, no-cache' } as Record<string, string>
  if (status === 204 || value === undefined) return new Response(null, { status: 204, headers })
  const body = JSON.stringify(value)
  headers['Content-Type'] = 'application/json'
  if (status === 200 && (request.method === 'GET' || request.method === 'HEAD')) {
    headers.ETag = `W/"${Bun.hash(body).toString(36)}"`
    const known = request.headers.get('if-none-match')
    if (known && (known === '*' || known.includes(headers.ETag.slice(2)))) return new Response(null, { status: 304, headers })
  }
  return new Response(body, { status, headers })
}

/** The problem as JSON, or as a page for a person who followed a link. */
export function answerProblem(request: Request, problem: Problem): Response {
  const { id, path } = exchangeOf(request)
  const headers = { 'Cache-Control': 'no-store', ...problem.headers }
  if ((request.method === 'GET' || request.method === 'HEAD') && /^\/[^/]+$/.test(path) && prefersHtml(request))
    return new Response(errorPage(problem.status, ...wordsFor(problem)), {
      status: problem.status,
      headers: { ...headers, ...errorPageHeaders },
    })
  return new Response(JSON.stringify(problemBody(problem, id)), {
    status: problem.status,
    headers: { ...headers, 'Content-Type': 'application/json' },
  })
}

/** What a visitor reads who followed a link that leads nowhere. */
function wordsFor({ status, message, page }: Problem): [title: string, text: string] {
  if (page) return [page.title, page.text]
  if (status === 404)
    return [
      'This link leads nowhere',
      'Nothing is at this address: it may be mistyped, or the link was taken back by whoever made it.',
    ]
  if (status === 410) return ['This link is no longer active', 'Whoever made it has switched it off.']
  if (status === 429)
    return ['Too many requests', 'Too much was asked for from your address just now. Please wait a little, then try again.']
  if (status === 503)
    return ['Try again in a moment', 'This link cannot be looked up just now. Nothing is lost; please try again shortly.']
  return ['That did not work', message]
}

/** Every error that can reach the client, as a problem; what nobody foresaw is 500 without a word of its own. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof DatabaseAway) return unavailable('the database is not reachable, try again in a moment', error)
  const { code, all } = error as { code?: string; all?: unknown }
  if (code === 'VALIDATION' && Array.isArray(all)) return validationProblem(all as never)
  if (code === 'PARSE' && (error as Error).cause instanceof Problem) return (error as Error).cause as Problem
  if (code === '42P01') return unavailable('the database is being prepared, try again in a moment', error)
  if (typeof code === 'string' && /^22...$/.test(code)) return new Problem(400, 'a value cannot be stored', { cause: error })
  return new Problem(500, 'something went wrong on our side', { cause: error })
}
