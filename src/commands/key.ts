import { writeSync } from 'node:fs'
import { Value } from '@sinclair/typebox/value'
import { type Key, NewKey } from '../access/keys/schema.ts'
import { type KeyStore, keyStore } from '../access/keys/store.ts'
import { causeOf } from '../base/file-error.ts'
import { Problem } from '../base/problem.ts'
import { visible, visibleLine } from '../base/visible.ts'
import type { Config } from '../config/config.ts'
import { migrate } from '../database/migrate.ts'
import { type OpenDatabase, openDatabase } from '../database/open.ts'
import type { By } from '../http/principal.ts'
import { createLog, createLogRing } from '../telemetry/logs.ts'

const BY: By = { by: 'command line' }
const PAGE = 100

/** Creates a key. Standard output contains only the key, for use in scripts. */
export async function createKey(
  config: Config,
  name: string,
  options: { scope: string; user?: string; tag?: string; expires?: string },
) {
  const user_id = options.user === undefined ? undefined : Number(options.user)
  if (user_id !== undefined && !(Number.isSafeInteger(user_id) && user_id > 0)) throw new Error('--user must be the id of a user')
  if (!Value.Check(NewKey.properties.name, name)) throw new Error('the name must have 1 to 100 characters')
  await withKeys(config, async (keys) => {
    const newKey = {
      name,
      scope: options.scope as NewKey['scope'],
      user_id,
      only_tag: options.tag,
      expires_at: options.expires && momentOf(options.expires),
    }
    let printed = false
    try {
      await keys.create(newKey, BY, (created) => {
        console.error(`key ${created.id} (${[created.scope, ...boundTo(created)].join(', bound to ')}): it is shown only once`)
        printKey(created.key)
        printed = true
      })
    } catch (error) {
      if (printed) console.error('waypost: the key above may be invalid: try it, and create another one if it is')
      throw error
    }
  })
}

/** Waits until the key is written: a key that was created but not printed would be lost. */
function printKey(key: string) {
  try {
    writeSync(process.stdout.fd, `${key}\n`)
  } catch (error) {
    throw new Error(`no key was created, because it could not be printed: ${causeOf(error)}`)
  }
}

/** Prints all keys, expired and revoked ones included. */
export async function listKeys(config: Config) {
  await withKeys(config, async (keys) => {
    const rows = [['ID', 'KEY', 'SCOPE', 'USER', 'TAG', 'EXPIRES', 'LAST USED', 'STATE', 'NAME']]
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

/** Revokes the key with this id. */
export async function revokeKey(config: Config, id: string) {
  if (!/^\d{1,15}$/.test(id)) throw new Error('the key must be given by its id: see waypost key list')
  await withKeys(config, async (keys) => {
    const { prefix, name } = await keys.revoke(Number(id), BY)
    console.log(`revoked key ${id}, ${prefix}… (${visibleLine(name)}); running servers refuse it within a second`)
  })
}

/** Works directly on the database; if a running server uses the embedded one, through that server's socket. */
async function withKeys(config: Config, work: (keys: KeyStore) => Promise<void>) {
  const log = createLog('warn', createLogRing())
  const database: OpenDatabase = await openDatabase(config, log, { join: true })
  try {
    await migrate(database, log)
    await work(keyStore(database))
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    console.error(`waypost: ${visible(error.message)}`)
    process.exitCode = 1
  } finally {
    await database.close()
  }
}

const cellsOf = ({ id, prefix, scope, user_id, only_tag, expires_at, last_used_at, revoked_at, name }: Key) => [
  String(id),
  `${prefix}…`,
  scope,
  String(user_id ?? '-'),
  visibleLine(only_tag ?? '-'),
  expires_at ?? 'never',
  last_used_at ?? 'never',
  revoked_at ? 'revoked' : expires_at && Date.parse(expires_at) <= Date.now() ? 'expired' : 'active',
  visibleLine(name), // terminals execute control characters
]

const boundTo = ({ user_id, only_tag }: Key) => [
  ...(user_id === null ? [] : [`user ${user_id}`]),
  ...(only_tag === null ? [] : [`the tag ${visibleLine(only_tag)}`]),
]

const DAY = 86_400_000

/** `90d` from now, or a date or time in the API's format. */
function momentOf(text: string): string {
  const days = /^(\d{1,5})d$/.exec(text)?.[1]
  return days ? new Date(Date.now() + Number(days) * DAY).toISOString() : text
}
