import { NewUser, userResource } from '../users/schema.ts'
import { id, name, optional, required, time } from './cells.ts'
import { readRows } from './csv.ts'
import type { CsvFile } from './csv-file.ts'
import { lineIndex } from './line-index.ts'
import type { Source } from './source.ts'
import { storeUsers } from './users-store.ts'

const columns = {
  id: optional(id),
  username: required(name(NewUser.properties.username)),
  email: required(name(NewUser.properties.email)),
  created_at: optional(time),
}

/**
 * Usernames and e-mails may be duplicates, as in real files. Ids are kept if they are free. A user exists already if one with the same id
 * has the same username, e-mail or time, or if one has all three; of equal rows, as many as exist are skipped.
 */
export const userSource: Source = {
  name: 'users',
  file: 'users.csv',
  table: 'users',
  columns,
  staged: ['line', 'file_id', 'username', 'email', 'created_at', 'id', 'there'],
  tag: userResource.tag,
  read,
  store: storeUsers,
}

function read(file: CsvFile) {
  const ids = lineIndex(file.size)
  return readRows(file, columns, ({ id, ...row }, refuse) => {
    const before = id !== null && ids.find(id)
    if (before) refuse('id', `is also that of row ${before.line}`)
    if (id !== null) ids.set(id, row.line)
    return { ...row, file_id: id, id, there: false }
  })
}
