// What runs here, and with which settings.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { type Config, isExternal, shown } from '../config.ts'
import { type Database, DatabaseAway } from '../database/guard.ts'
import { assetsFolder } from '../executable.ts'
import { needs } from '../http/access.ts'
import type { Peers } from '../http/client-address.ts'
import { type Name, settings } from '../settings.ts'
import type { Disk } from '../telemetry/disk.ts'
import { version } from '../version.ts'
import { callerOf } from './caller.ts'

type Parts = { config: Config; database: Database; peers: Peers; disk: Disk }

const VERSION_WITHIN = 1_000

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()])

const Licences = Type.Array(Type.Object({ name: Type.String(), version: Type.String(), licence: Type.String() }))
const About = Type.Object({
  version: Type.String(),
  commit: Type.String(),
  date: Type.String(),
  bun: Type.String(),
  postgres: Nullable(Type.String({ description: 'Version of the database; null while it is away.' })),
  embedded: Type.Boolean({ description: 'true: the database is the one inside the executable.' }),
  disk: Type.Object({
    free_bytes: Type.Integer({ description: 'Free under DATA_DIR of the replica that answers.' }),
    total_bytes: Type.Integer(),
    low: Type.Boolean({ description: 'Less than DISK_FREE_MIN is free.' }),
  }),
  licences: Type.Array(Licences.items, { description: 'What is compiled in.' }),
})

const Settings = Type.Object({
  settings: Type.Array(
    Type.Object({
      name: Type.String(),
      value: Nullable(Type.String({ description: 'In force; null where there is none, and of a secret.' })),
      secret: Type.Boolean(),
      set: Type.Boolean({ description: 'Whether there is a value at all.' }),
      source: Type.Union([Type.Literal('flag'), Type.Literal('environment'), Type.Literal('file'), Type.Literal('default')]),
      help: Type.String(),
    }),
  ),
  caller: Type.Object({
    address: Type.String({ description: 'Of whoever asks, as rate limits and statistics see it.' }),
    found_in: Type.Union([Type.Literal('connection'), Type.Literal('X-Forwarded-For')]),
    connection: Type.String({ description: 'Who opened the connection: the nearest proxy, where there is one.' }),
    forwarded_for: Nullable(Type.String({ description: 'X-Forwarded-For as it came.' })),
    trusted_proxies: Type.Integer(),
    note: Nullable(Type.String({ description: 'What looks wrong about it.' })),
  }),
})

export function aboutRoutes({ config, database, peers, disk }: Parts) {
  const licences = compiledIn()
  const embedded = !isExternal(config)
  return new Elysia({ detail: { tags: ['Operations'] } })
    .get(
      '/api/about',
      async () => {
        const { number, commit, date } = version
        const { free, total, short } = disk.figures()
        return {
          version: number,
          commit,
          date,
          bun: Bun.version,
          postgres: await versionOf(database),
          embedded,
          disk: { free_bytes: free, total_bytes: total, low: short > 0 },
          licences,
        }
      },
      { response: { 200: About }, detail: { summary: 'What runs: versions, and what is compiled in', ...needs('read') } },
    )
    .get('/api/config', ({ request }) => ({ settings: settingsOf(config), caller: callerOf(request, config, peers) }), {
      response: { 200: Settings },
      detail: {
        summary: 'The settings in force, where each came from, and the address that the caller is known by',
        ...needs('admin'),
      },
    })
}

const settingsOf = (config: Config) =>
  (Object.keys(settings) as Name[]).map((name) => {
    const { secret, help } = settings[name]
    const value = shown(name, config)
    return { name, value: secret ? null : (value ?? null), secret, set: value !== undefined, source: config.sources[name], help }
  })

async function versionOf(database: Database): Promise<string | null> {
  try {
    const [row] = await database.run((sql) => sql<{ server_version: string }[]>`show server_version`, VERSION_WITHIN)
    return row!.server_version
  } catch (error) {
    if (error instanceof DatabaseAway) return null
    throw error
  }
}

/** As build.ts found it; nothing where the server runs from its source and was never built. */
function compiledIn(): Static<typeof Licences> {
  const file = join(assetsFolder, 'licences.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
}
