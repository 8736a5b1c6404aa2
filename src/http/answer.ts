// Builds responses: values as JSON, errors as problems.

import { type Page, Problem, problemBody, unavailable } from '../base/problem.ts'
import { DatabaseUnreachable } from '../database/database-unreachable.ts'
import { isSchemaMissing } from '../database/sql-state.ts'
import { isKnown } from './etag.ts'
import { exchangeOf } from './exchange.ts'
import { answerPage, prefersHtml } from './pages.ts'
import { validationProblem } from './validation.ts'

/** A handler's value as JSON with an ETag: 304 if the client has it, 204 if there is none. Undefined if it is already a Response. */
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
    if (isKnown(request.headers.get('if-none-match'), headers.ETag)) return new Response(null, { status: 304, headers })
  }
  return new Response(body, { status, headers })
}

/** Where a visitor arrives who followed a link, or mistyped one. */
const ONE_SEGMENT = /^\/[^/]+$/

/**
 * The problem as JSON, or as a page for a browser at a route of one segment, with or without a slash at the end. A POST has the route /:code only
 * where it is the form of a link.
 */
export function answerProblem(request: Request, problem: Problem): Response {
  const { id, route, pattern = route } = exchangeOf(request)
  const headers = { 'Cache-Control': 'no-store', ...problem.headers }
  const { method } = request
  const isVisit = method === 'POST' ? route === '/:code' : (method === 'GET' || method === 'HEAD') && ONE_SEGMENT.test(pattern)
  if (isVisit && prefersHtml(request)) return answerPage(problem.status, pageOf(problem), headers)
  return new Response(JSON.stringify(problemBody(problem, id)), {
    status: problem.status,
    headers: { ...headers, 'Content-Type': 'application/json' },
  })
}

/** The page for a visitor whose link does not work. */
function pageOf({ status, message, page }: Problem): Page {
  return page ?? PAGES[status] ?? { title: 'That did not work', text: message }
}

const PAGES: Record<number, Page> = {
  404: {
    title: 'This link leads nowhere',
    text: 'There is nothing at this address: it may be mistyped, or the link was deleted by its owner.',
  },
  410: { title: 'This link is no longer active', text: 'Its owner has deactivated it.' },
  429: {
    title: 'Too many requests',
    text: 'There were too many requests from your address. Please wait a little, then try again.',
  },
  503: {
    title: 'Try again in a moment',
    text: 'This link cannot be looked up just now. Nothing is lost; please try again shortly.',
  },
}

/** Every error that can reach the client, as a problem; an unexpected one is a 500 without details. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof DatabaseUnreachable) return unavailable(error.answer, error)
  const { code, all } = error as { code?: string; all?: unknown }
  if (code === 'VALIDATION' && Array.isArray(all)) return validationProblem(all)
  if (code === 'PARSE' && (error as Error).cause instanceof Problem) return (error as Error).cause as Problem
  if (isSchemaMissing(error)) return unavailable('the database is being prepared, try again in a moment', error)
  if (typeof code === 'string' && /^22...$/.test(code)) return new Problem(400, 'a value cannot be stored', { cause: error })
  return new Problem(500, 'something went wrong on our side', { cause: error })
}
