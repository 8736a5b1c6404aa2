// Version, licences and settings of this server.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Elysia } from 'elysia'
import { assetsFolder } from '../../base/executable.ts'
import { version } from '../../base/version.ts'
import { type Config, isExternal, shown } from '../../config/config.ts'
import { type Name, settings } from '../../config/settings.ts'
import type { Database } from '../../database/guard.ts'
import { needs } from '../../http/access.ts'
import type { Peers } from '../../http/client-address.ts'
import type { Disk } from '../../telemetry/disk.ts'
import { callerOf } from './caller.ts'
import { About, type Licences, Settings } from './schema.ts'
import { versionOf } from './store.ts'

type Parts = { config: Config; database: Database; peers: Peers; disk: Disk }

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
      {
        response: { 200: About },
        detail: { summary: 'Versions, disk space, and the licences of what is compiled in', ...needs('read') },
      },
    )
    .get('/api/config', ({ request }) => ({ settings: settingsOf(config), caller: callerOf(request, config, peers) }), {
      response: { 200: Settings },
      detail: {
        summary: 'Effective settings, the source of each, and the caller’s address',
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

/** The licences that build.ts collected; empty if the server runs from source and was never built. */
function compiledIn(): Licences {
  const file = join(assetsFolder, 'licences.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
}
