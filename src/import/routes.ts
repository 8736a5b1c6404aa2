import { realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { Elysia } from 'elysia'
import { invalid, notFound, Problem } from '../base/problem.ts'
import type { Config } from '../config/config.ts'
import type { Pool } from '../database/pool.ts'
import { fails, needs } from '../http/access.ts'
import { readBytes, readJson } from '../http/body.ts'
import { textOf } from '../http/charset.ts'
import { readParts } from '../http/multipart.ts'
import { parametersOf } from '../http/parameters.ts'
import { askedBy } from '../http/principal.ts'
import type { Admission } from '../links/admission.ts'
import { type CsvFile, inMemory, onDisk } from './csv-file.ts'
import { importFile } from './load.ts'
import { ImportedFile } from './schema.ts'
import type { Source } from './source.ts'
import { SOURCES } from './sources.ts'
import { admit } from './take-turns.ts'

const MAX_FILE = 64 * 1024 * 1024

type Parts = {
  database: Pool
  config: Pick<Config, 'SEED_DIR'>
  admission: Pick<Admission, 'refusal'>
  /** Called after an import. */
  rowsChanged: () => void
}

/** The routes parse bodies themselves, because not all are JSON: register them before a global onParse. */
export function importRoutes({ database, config, admission, rowsChanged }: Parts) {
  const app = new Elysia()
  for (const source of SOURCES) {
    if (!source.tag) continue
    app.post(
      `/${source.table}/bulk`,
      async ({ request, set }) => {
        const refusal = (target: string) => admission.refusal(target, request)
        const counts = await admit(async () =>
          importFile(database, source, await fileOf(request, config.SEED_DIR), refusal, askedBy(request)),
        )
        rowsChanged()
        set.status = 201
        return counts
      },
      documented(source.tag, `Import ${source.name}`, source.columns),
    )
  }
  return app
}

const documented = (tag: string, summary: string, columns: Source['columns']) => ({
  parse: 'none' as const,
  response: { 201: ImportedFile },
  detail: {
    tags: [tag],
    summary,
    ...needs('write'),
    ...fails(404),
    description: `CSV with a header; columns ${Object.keys(columns).join(', ')}. The separator is a comma, semicolon, tab or bar; the encoding is UTF-8, UTF-16 with a byte order mark, or the charset of the part. Imports all rows or none: a 400 names row and column. Rows that exist already are not imported again.`,
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

/** The CSV in the request, or the file in SEED_DIR that it names. */
async function fileOf(request: Request, seedDir: string | undefined): Promise<CsvFile> {
  const type = request.headers.get('content-type') ?? ''
  if (/^multipart\/form-data\s*;/i.test(type)) return inMemory(uploaded(await readBytes(request, MAX_FILE), type))
  if (/^application\/json\s*(;|$)/i.test(type)) return inSeedDir((await readJson(request)).file, seedDir)
  throw new Problem(415, 'the content type must be multipart/form-data or application/json')
}

function uploaded(body: Uint8Array, type: string): Uint8Array {
  const files = readParts(body, type).filter(({ name }) => name === 'file')
  if (files.length !== 1) throw invalid('file', files.length === 0 ? 'is required' : 'must be a single file')
  const [part] = files
  if (!part!.file) throw invalid('file', 'must be a file')
  const charset = parametersOf(part!.type).get('charset')
  if (!charset || /^utf-?8$/i.test(charset)) return part!.bytes // the CSV reader checks UTF-8 itself, row by row
  return Buffer.from(textOf(part!.bytes, charset, 'the file', 'file'))
}

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/

async function inSeedDir(name: unknown, seedDir: string | undefined): Promise<CsvFile> {
  if (name === undefined) throw invalid('file', 'is required')
  if (typeof name !== 'string') throw invalid('file', 'must be a string')
  if (!NAME.test(name)) throw invalid('file', 'must be a file name without a path')
  if (!seedDir) throw invalid('file', 'must be uploaded: SEED_DIR is not set on this server')
  const missing = () => notFound(`${name} in SEED_DIR`)
  const folder = await realpath(seedDir).catch(() => {
    throw missing()
  })
  const path = await realpath(join(folder, name)).catch(() => {
    throw missing()
  })
  if (!path.startsWith(folder.endsWith(sep) ? folder : folder + sep)) throw missing() // a symbolic link out of the folder
  const found = await stat(path)
  if (!found.isFile()) throw missing()
  if (found.size > MAX_FILE) throw new Problem(413, `${name} is larger than ${MAX_FILE} bytes`)
  return onDisk(path)
}
