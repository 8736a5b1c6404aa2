import type { Database } from '../database/guard.ts'
import { NewUser } from '../users/schema.ts'
import { id, optional, required, text, time } from './cells.ts'
import { readRows } from './csv.ts'
import { importFile, type Progress, type Source } from './load.ts'
import { storeUsers } from './users-store.ts'

const columns = {
  id: optional(id),
  username: required(text(NewUser.properties.username)),
  email: required(text(NewUser.properties.email)),
  created_at: optional(time),
}

/**
 * Imports a users.csv; a username or e-mail may be there twice, as in real files. Ids are kept where they are free. A user is already there
 * when one of the same id has the same username, e-mail or time, or when one has all three; of equal ones, as many as are there.
 */
export const importUsers = (database: Database, file: Uint8Array, progress?: Progress) =>
  importFile(database, userSource, file, progress)

export const userSource: Source = { file: 'users.csv', table: 'users', staging: 'import_users', read, store: storeUsers }

function read(file: Uint8Array) {
  const ids = new Map<number, number>()
  return readRows(file, columns, ({ id, ...row }, refuse) => {
    const before = ids.get(id ?? 0)
    if (before !== undefined) refuse('id', `is that of row ${before} too`)
    if (id !== null) ids.set(id, row.line)
    return { ...row, file_id: id, id, there: false }
  })
}
