import { swagger } from '@elysiajs/swagger'
import { type AnyElysia, Elysia } from 'elysia'
import { openExchange } from './http/exchange.ts'
import { NOBODY } from './http/principal.ts'
import { version } from './version.ts'

type Operation = {
  requestBody?: { content: Record<string, unknown> }
  responses: Record<string, { description?: string; content?: Record<string, unknown> }>
  description?: string
  security?: unknown
  'x-scope'?: string
  'x-bound'?: boolean
}
type Document = {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, unknown>; securitySchemes?: unknown }
}

const REASONS: Record<string, string> = { 200: 'Done.', 201: 'Created.', 204: 'Done; no body.' }

/**
 * The OpenAPI document of `routes`, made by @elysiajs/swagger in an app of its own (its page, which loads from a CDN, is never served),
 * then corrected: JSON is the only content type, and every operation names the error it may answer.
 */
export async function openApiDocument(routes: AnyElysia): Promise<Document> {
  const app = new Elysia()
    .use(swagger({ path: '/reference', excludeStaticFile: false, documentation: { info: INFO, tags: TAGS } }))
    .use(routes)
  const request = new Request('http://localhost/reference/json')
  openExchange(request, { id: '', path: '', origin: '', route: '', started: 0, principal: NOBODY })
  const document = (await (await app.handle(request)).json()) as Document
  for (const operations of Object.values(document.paths)) for (const operation of Object.values(operations)) correct(operation)
  document.components.schemas.Problem = PROBLEM
  document.components.securitySchemes = {
    bearer: { type: 'http', scheme: 'bearer', description: 'The admin token or an API key; nothing in open mode.' },
    session: {
      type: 'apiKey',
      in: 'cookie',
      name: 'waypost_session',
      description: 'Made by signing in; `__Host-waypost_session` off localhost.',
    },
    chaosToken: { type: 'apiKey', in: 'header', name: 'X-Chaos-Token' },
  }
  return document
}

function correct(operation: Operation) {
  const json = ({ content }: { content?: Record<string, unknown> }) => {
    const schema = content?.['application/json']
    return schema && content['text/plain'] ? { 'application/json': schema } : content
  }
  if (operation.requestBody) operation.requestBody.content = json(operation.requestBody)!
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    response.description ||= REASONS[status] ?? 'See the description.'
    response.content = status === '204' ? undefined : json(response)
  }
  operation.responses = {
    ...operation.responses,
    default: {
      description: 'The request failed.',
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  }
  const scope = operation['x-scope']
  if (scope) {
    const bound = operation['x-bound']
      ? ' A key bound to a user is kept to what is this user’s.'
      : ' Not for keys bound to a user.'
    operation.description = `${operation.description ? `${operation.description} ` : ''}Needs the scope ${scope}.${bound}`
  }
}

const INFO = {
  title: 'Waypost',
  version: version.number,
  description: 'A self-hosted URL shortener that survives. Bodies are JSON; every error is `{error, details?, request_id}`.',
  license: { name: 'MIT' },
}

const TAGS = ['Links', 'Users', 'Events', 'Redirects', 'Access', 'Operations'].map((name) => ({ name }))

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
