import { swagger } from '@elysiajs/swagger'
import { type AnyElysia, Elysia } from 'elysia'
import { version } from '../base/version.ts'
import { accessIn } from '../http/access.ts'
import { openExchange } from '../http/exchange.ts'
import { NOBODY } from '../http/principal.ts'
import { TAGS } from './resources.ts'

type Operation = {
  requestBody?: { content: Record<string, unknown> }
  responses: Record<string, { description?: string; content?: Record<string, unknown> }>
  description?: string
  security?: unknown
  'x-scope'?: string
  'x-bound'?: boolean
  'x-fails'?: number[]
  parameters?: { in: string; name: string }[]
}
type Document = {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, unknown>; securitySchemes?: unknown }
}

const REASONS: Record<string, string> = { 200: 'Done.', 201: 'Created.', 202: 'Started.', 204: 'Done; no body.' }

/**
 * The OpenAPI document of `routes`. @elysiajs/swagger generates it in a separate app (its page loads from a CDN and is never served).
 * Then it is corrected: JSON is the only content type, and every operation lists its errors.
 */
export async function openApiDocument(routes: AnyElysia): Promise<Document> {
  const app = new Elysia()
    .use(
      swagger({
        path: '/reference',
        excludeStaticFile: false,
        documentation: { info: INFO, tags: TAGS.map((name) => ({ name })) },
      }),
    )
    .use(routes)
  const request = new Request('http://localhost/reference/json')
  openExchange(request, { id: '', path: '', origin: '', route: '', started: 0, principal: NOBODY })
  const document = (await (await app.handle(request)).json()) as Document
  for (const operations of Object.values(document.paths))
    for (const [method, operation] of Object.entries(operations)) correct(method, operation)
  document.components.schemas.Problem = PROBLEM
  document.components.securitySchemes = {
    bearer: { type: 'http', scheme: 'bearer', description: 'The admin token or an API key. Not needed in open mode.' },
    session: {
      type: 'apiKey',
      in: 'cookie',
      name: 'waypost_session',
      description: 'Set by signing in. Its name is `__Host-waypost_session` except on localhost.',
    },
    chaosToken: { type: 'apiKey', in: 'header', name: 'X-Chaos-Token' },
  }
  return document
}

function correct(method: string, operation: Operation) {
  const json = ({ content }: { content?: Record<string, unknown> }) => {
    const schema = content?.['application/json']
    return schema && content['text/plain'] ? { 'application/json': schema } : content
  }
  if (operation.requestBody) operation.requestBody.content = json(operation.requestBody)!
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    response.description ||= REASONS[status] ?? 'See the description.'
    response.content = status === '204' ? undefined : json(response)
  }
  const cached = method === 'get' && operation.responses['200']?.content?.['application/json']
  if (cached) operation.responses['304'] = { description: 'Not modified: the ETag matches If-None-Match.' }
  for (const status of failuresOf(operation)) operation.responses[status] = problem(FAILURES[status]!)
  operation.responses.default = problem('The request failed.')
  delete operation['x-fails']
  const scope = operation['x-scope']
  if (scope) {
    const bound = operation['x-bound']
      ? ' A key bound to a user or a tag only reaches what it is bound to.'
      : ' Not available to keys bound to a user or a tag.'
    operation.description = `${operation.description ? `${operation.description} ` : ''}Requires the scope ${scope}.${bound}`
  }
}

const problem = (description: string) => ({
  description,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } },
})

/** The error statuses of an operation: by its access, by its parameters and body, and those that the route declares. */
function failuresOf(operation: Operation): number[] {
  const { requestBody, parameters = [], 'x-fails': own = [] } = operation
  const { asks } = accessIn(operation)
  const has = (place: string, name?: string) =>
    parameters.some((parameter) => parameter.in === place && (name === undefined || parameter.name === name))
  return [
    ...own,
    ...(asks === 'nobody' ? [] : [401, 403, 429]),
    ...(asks === 'nobody' || asks === 'itself' ? [] : [503]),
    ...(requestBody ? [400, 408, 413, 415] : []),
    ...(has('query') || has('path') ? [400] : []),
    ...(has('path') || has('query', 'replica') ? [404] : []),
    ...(has('query', 'replica') ? [503] : []),
    500,
  ]
}

const FAILURES: Record<number, string> = {
  400: 'Invalid input: `details` names the field.',
  401: 'Missing or invalid credential.',
  403: 'Insufficient scope, something that a bound key may not do, or a request from a page of another origin.',
  404: 'Not found, or not the caller’s.',
  406: 'Only available as a stream: send Accept: text/event-stream.',
  408: 'The body did not arrive in time.',
  409: 'Conflict: it exists already, a request with this Idempotency-Key is in flight, or a replica of an earlier release would ignore the field.',
  410: 'The link has expired or is used up, its host is blocked, or it is inactive and INACTIVE_STATUS is 410.',
  413: 'The body is too large.',
  415: 'Unsupported content type or charset, or a compressed body.',
  422: 'The Idempotency-Key was used with another request.',
  429: 'Too many requests: try again after Retry-After.',
  500: 'Internal error: search the log for `request_id`.',
  503: 'The database is unreachable, or the server is starting or stopping: try again after Retry-After.',
}

const INFO = {
  title: 'Waypost',
  version: version.number,
  description:
    'A self-hosted URL shortener that survives. Bodies are JSON; every error is `{error, details?, request_id}`. A method that a path does not support gets 405 with Allow.',
  license: { name: 'MIT' },
}

const PROBLEM = {
  type: 'object',
  required: ['error', 'request_id'],
  properties: {
    error: { type: 'string' },
    details: {
      type: 'array',
      items: {
        type: 'object',
        properties: { field: { type: 'string' }, message: { type: 'string' } },
        required: ['field', 'message'],
      },
    },
    request_id: { type: 'string' },
  },
}
