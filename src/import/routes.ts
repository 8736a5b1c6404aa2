import { realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Config } from '../config.ts'
import type { Database } from '../database/guard.ts'
import { needs } from '../http/access.ts'
import { readBytes, readJson } from '../http/body.ts'
import { invalid, notFound, Problem } from '../http/problem.ts'
import { admittedLinks } from './links.ts'
import { importFile, type Source } from './load.ts'
import { admit } from './turn.ts'
import { userSource } from './users.ts'

const MAX_FILE = 64 * 1024 * 1024

const Imported = Type.Object({
  imported: Type.Integer({ description: 'Rows of the file, those that were there already included.' }),
  count: Type.Integer({ description: 'The same.' }),
})

/**
 * Bodies are not JSON alone, so these routes read them themselves: use them before a global onParse. `refusal` says why a link may not lead
 * somewhere; `changed` is called after a success.
 */
export function importRoutes(
  database: Database,
  config: Pick<Config, 'SEED_DIR'>,
  refusal: (target: string, request: Request) => string | undefined,
  changed: () => void,
) {
  const linksOf = (request: Request) => admittedLinks((target) => refusal(target, request))
  const routeOf =
    (sourceFor: (request: Request) => Source) =>
    async ({ request, set }: { request: Request; set: { status?: number | string } }) => {
      const counts = await admit(async () => importFile(database, sourceFor(request), await fileOf(request, config.SEED_DIR)))
      changed()
      set.status = 201
      return counts
    }
  return new Elysia()
    .post(
      '/users/bulk',
      routeOf(() => userSource),
      documented('Users', 'Import users', 'id, username, email, created_at'),
    )
    .post(
      '/urls/bulk',
      routeOf(linksOf),
      documented('Links', 'Import links', 'id, user_id, short_code, original_url, title, is_active, created_at, updated_at'),
    )
}

const documented = (tag: string, summary: string, columns: string) => ({
  parse: 'none' as const,
  response: { 201: Imported },
  detail: {
    tags: [tag],
    summary,
    ...needs('write'),
    description: `CSV with a header; columns ${columns}. All rows or none: 400 names row and column. What is there already is not imported again.`,
    requestBody: {
      required: true,
      content: {
        'multipart/form-data': {
          schema: {
            type: 'object' as const,
            required: ['file'],
            properties: { file: { type: 'string' as const, format: 'binary' } },
          },
        },
        'application/json': {
          schema: {
            type: 'object' as const,
            required: ['file'],
            properties: { file: { type: 'string' as const, description: 'The name of a file in SEED_DIR.' } },
          },
        },
      },
    },
  },
})

/** The CSV in the request, or the one in SEED_DIR that it names. */
async function fileOf(request: Request, seedDir: string | undefined): Promise<Uint8Array> {
  const type = request.headers.get('content-type') ?? ''
  if (/^multipart\/form-data\s*;/i.test(type)) return uploaded(await readBytes(request, MAX_FILE), type)
  if (/^application\/json\s*(;|$)/i.test(type)) return inSeedDir((await readJson(request)).file, seedDir)
  throw new Problem(415, 'the content type must be multipart/form-data or application/json')
}

async function uploaded(body: Uint8Array, type: string): Promise<Uint8Array> {
  const form = await new Response(body as BodyInit, { headers: { 'content-type': type } }).formData().catch((cause) => {
    throw new Problem(400, 'the body is not valid multipart/form-data', {
      details: [{ field: 'body', message: 'must be valid multipart/form-data' }],
      cause,
    })
  })
  const files = form.getAll('file')
  if (files.length !== 1) throw invalid('file', files.length === 0 ? 'is required' : 'must be one file')
  const [file] = files
  if (!(file instanceof Blob)) throw invalid('file', 'must be a file')
  return file.bytes()
}

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/

async function inSeedDir(name: unknown, seedDir: string | undefined): Promise<Uint8Array> {
  if (name === undefined) throw invalid('file', 'is required')
  if (typeof name !== 'string') throw invalid('file', 'must be a string')
  if (!NAME.test(name)) throw invalid('file', 'must be the plain name of a file, without a path')
  if (!seedDir) throw invalid('file', 'can only be named where SEED_DIR is set: upload the file instead')
  const missing = () => notFound(`${name} in SEED_DIR`)
  const folder = await realpath(seedDir).catch(() => {
    throw missing()
  })
  const path = await realpath(join(folder, name)).catch(() => {
    throw missing()
  })
  if (!path.startsWith(folder.endsWith(sep) ? folder : folder + sep)) throw missing() // a link that leads out of the folder
  const found = await stat(path)
  if (!found.isFile()) throw missing()
  if (found.size > MAX_FILE) throw new Problem(413, `${name} is larger than ${MAX_FILE} bytes`)
  return Bun.file(path).bytes()
}
