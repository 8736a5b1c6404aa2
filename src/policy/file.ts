// The policy as a replica last knew it, in its slot's folder: what it begins with where the database is away.
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Log } from '../telemetry/logs.ts'
import type { PolicyRow } from './store.ts'

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()])

const Saved = Type.Object({
  identity: Type.String(),
  version: Type.Integer(),
  keyed: Type.Boolean(),
  session_secret: Type.String({ minLength: 32 }),
  keys: Type.Array(
    Type.Object({
      hash: Type.String({ minLength: 64, maxLength: 64 }),
      id: Type.Integer(),
      name: Type.String(),
      scope: Type.Union([Type.Literal('admin'), Type.Literal('write'), Type.Literal('read'), Type.Literal('metrics')]),
      user_id: Nullable(Type.Integer()),
      expires_at: Nullable(Type.Integer()),
    }),
  ),
  hosts: Type.Array(Type.String()),
}) satisfies { static: PolicyRow }
type Saved = Static<typeof Saved>

/** `folder`/policy.json, readable by its owner alone. A file that cannot be read or written is a line in the log, and nothing worse. */
export function openPolicyFile(folder: string, log: Log) {
  const path = join(folder, 'policy.json')
  let waiting: PolicyRow | undefined
  let writing: Promise<void> | undefined

  /** Whole or not at all: into a file beside it, which then takes its name. */
  async function writeOut() {
    while (waiting) {
      const text = JSON.stringify(waiting)
      waiting = undefined
      try {
        const file = await open(`${path}.new`, 'w', 0o600)
        await file.writeFile(text)
        await file.sync()
        await file.close()
        await rename(`${path}.new`, path)
      } catch (error) {
        log.error({ err: error }, 'the policy could not be kept: a start with the database away would know an older one')
      }
    }
    writing = undefined
  }

  return {
    async read(): Promise<Saved | undefined> {
      try {
        return Value.Decode(Saved, JSON.parse(await readFile(path, 'utf8')))
      } catch (error) {
        if ((error as { code?: string }).code !== 'ENOENT')
          log.error({ err: error }, 'policy.json cannot be read: starting without what it knew')
        return undefined
      }
    },
    write(row: PolicyRow) {
      waiting = row
      writing ??= writeOut()
    },
    settled: async () => writing,
  }
}
