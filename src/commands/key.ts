import { Value } from '@sinclair/typebox/value'
import type { Config } from '../config.ts'
import { type OpenDatabase, openDatabase } from '../database/connect.ts'
import { migrate } from '../database/migrate.ts'
import { Problem } from '../http/problem.ts'
import { type Key, NewKey } from '../keys/schema.ts'
import { type KeyStore, keyStore } from '../keys/store.ts'
import { createLog, createLogRing } from '../telemetry/logs.ts'

const BY = { by: 'command line' }
const PAGE = 100

/** Makes a key and prints it: alone on standard output, so that a script can take it. */
export async function createKey(config: Config, name: string, options: { scope: string; user?: string; expires?: string }) {
  const user_id = options.user === undefined ? undefined : Number(options.user)
  if (user_id !== undefined && !(Number.isSafeInteger(user_id) && user_id > 0)) throw new Error('--user must be the id of a user')
  if (!Value.Check(NewKey.properties.name, name)) throw new Error('the name must have 1 to 100 characters')
  await withKeys(config, async (keys) => {
    const made = await keys.create(
      { name, scope: options.scope as NewKey['scope'], user_id, expires_at: options.expires && momentOf(options.expires) },
      BY,
    )
    console.error(`key ${made.id} (${made.scope}${made.user_id ? `, bound to user ${made.user_id}` : ''}): it is shown this once`)
    console.log(made.key)
  })
}

/** Prints every key that was ever made. */
export async function listKeys(config: Config) {
  await withKeys(config, async (keys) => {
    const rows = [['ID', 'KEY', 'SCOPE', 'USER', 'EXPIRES', 'LAST USED', 'STATE', 'NAME']]
    for (let after: number | undefined; ; ) {
      const page = await keys.list({ number: 1, size: PAGE, offset: 0, after, descending: false })
      rows.push(...page.rows.map(cellsOf))
      if (page.rows.length < PAGE) break
      after = page.rows.at(-1)!.id
    }
    const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
    for (const row of rows)
      console.log(
        row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd(),
      )
  })
}

/** Revokes the key of that id. */
export async function revokeKey(config: Config, id: string) {
  if (!/^\d{1,15}$/.test(id)) throw new Error('name the key by its id: waypost key list shows them')
  await withKeys(config, async (keys) => {
    const { prefix, name } = await keys.revoke(Number(id), BY)
    console.log(`revoked key ${id}, ${prefix}… (${name}); servers that are running obey within a second`)
  })
}

/** Works on the database itself, through a running server's socket where it is the embedded one. */
async function withKeys(config: Config, work: (keys: KeyStore) => Promise<void>) {
  const log = createLog('warn', createLogRing())
  const database: OpenDatabase = await openDatabase(config, log, { join: true })
  try {
    await migrate(database, log)
    await work(keyStore(database))
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    console.error(`waypost: ${error.message}`)
    process.exitCode = 1
  } finally {
    await database.close()
  }
}

const cellsOf = ({ id, prefix, scope, user_id, expires_at, last_used_at, revoked_at, name }: Key) => [
  String(id),
  `${prefix}…`,
  scope,
  String(user_id ?? '-'),
  expires_at ?? 'never',
  last_used_at ?? 'never',
  revoked_at ? 'revoked' : expires_at && Date.parse(expires_at) <= Date.now() ? 'expired' : 'holds',
  name.replace(/\p{Cc}/gu, '�'), // a terminal obeys control characters
]

const DAY = 86_400_000

/** `90d` from now, or a day or moment as the API takes it. */
function momentOf(text: string): string {
  const days = /^(\d{1,5})d$/.exec(text)?.[1]
  return days ? new Date(Date.now() + Number(days) * DAY).toISOString() : text
}
