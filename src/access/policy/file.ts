// The last known policy, in a file in the slot's folder, for a start without the database.
import { join } from 'node:path'
import { Type } from '@sinclair/typebox'
import { Nullable } from '../../base/schema.ts'
import { SCOPES } from '../../base/scope.ts'
import { exactly } from '../../slot/exactly.ts'
import { keptFile } from '../../slot/kept-file.ts'
import type { Log } from '../../telemetry/logs.ts'
import type { PolicyRow } from './store.ts'

const Saved = Type.Object({
  identity: Type.String(),
  version: Type.Integer(),
  keyed: Type.Boolean(),
  session_secret: Type.String(),
  keys: Type.Array(
    Type.Object({
      hash: Type.String({ minLength: 64, maxLength: 64 }),
      id: Type.Integer(),
      name: Type.String(),
      scope: Type.Union(SCOPES.map((scope) => Type.Literal(scope))),
      user_id: Nullable(Type.Integer()),
      only_tag: Type.Optional(Nullable(Type.String())), // missing in files of earlier releases
      expires_at: Nullable(Type.Integer()),
    }),
  ),
  hosts: Type.Array(Type.String()),
}) satisfies { static: PolicyRow }

/** `folder`/policy.json, readable by its owner alone. If it cannot be read or written, that is only logged. */
export function openPolicyFile(folder: string, log: Log) {
  const file = keptFile({
    path: join(folder, 'policy.json'),
    is: 'policy',
    format: 1,
    accepts: exactly(Saved),
    earlier: (format, content) => (format === 0 ? content : undefined), // the same without a header
  })
  let waiting: PolicyRow | undefined
  let writing: Promise<void> | undefined

  async function writeOut() {
    while (waiting) {
      const row = waiting
      waiting = undefined
      await file.write(row).catch((error) => {
        log.error({ err: error }, 'the policy could not be saved: a start without the database would use an older one')
      })
    }
    writing = undefined
  }

  return {
    read: () => file.take(log),
    write(row: PolicyRow) {
      waiting = row
      writing ??= writeOut()
    },
    settled: async () => writing,
  }
}
