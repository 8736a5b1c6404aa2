import { conflict, notFound } from '../base/problem.ts'
import type { Database, Sql, Writer } from '../database/guard.ts'
import { milestones } from '../database/milestones.ts'
import { type Owner, ownUsers } from '../database/ownership.ts'
import type { Page, Total } from '../database/paging.ts'
import { pageOf } from '../database/paging.ts'
import { countUpTo, totals } from '../database/totals.ts'
import type { By } from '../http/principal.ts'
import { tidyName } from '../http/validation.ts'
import { deleteLinksOf } from '../links/erase.ts'
import type { Target } from '../redirect/target.ts'
import type { NewUser, User, UserChange } from './schema.ts'

export type UserStore = ReturnType<typeof userStore>
export type UserFilter = { username?: string; email?: string }

export function userStore(database: Database) {
  const total = totals(database, ['users'], (sql) => sql`select 1 from users`)
  const pages = milestones(database)

  return {
    /** 409 if the username, or the e-mail ignoring case, is taken; create_user checks this under locks. */
    async create({ username, email }: NewUser, writer: Writer = database): Promise<User> {
      const [row] = await writer.run((sql) => sql<(User & Conflict)[]>`select * from create_user(${username}, ${email})`)
      total.changed()
      return withoutConflict(row)!
    },

    async find(id: number, owner: Owner): Promise<User> {
      const [user] = await database.run(
        (sql) => sql<User[]>`select id, username, email, created_at from users where id = ${id} ${ownUsers(sql, owner)}`,
      )
      if (!user) throw notFound('User')
      return user
    },

    async update(id: number, { username, email }: UserChange): Promise<User> {
      const [row] = await database.run(
        (sql) => sql<(User & Conflict)[]>`select * from update_user(${id}, ${username ?? null}, ${email ?? null})`,
      )
      const user = withoutConflict(row)
      if (!user) throw notFound('User')
      return user
    },

    /**
     * Deletes the user, their links (the codes stay taken) and all events of both. Calls `changed` for each chunk of links. The audit log
     * keeps a `user_deleted` event with the caller (`by`).
     */
    async delete(id: number, changed: (targets: Target[]) => void, by: By): Promise<void> {
      await this.find(id, undefined)
      await deleteLinksOf(database, id, changed)
      const gone = await database.run(
        (sql) => sql`
          with gone as (delete from users where id = ${id} returning id),
            forgotten as (delete from answers where location in (select '/users/' || id from gone))
          insert into events (id, event_type, details)
          select next_event_id(), 'user_deleted', jsonb_build_object('user_id', id) || ${sql.json(by)}::jsonb from gone`,
      )
      total.changed()
      if (gone.count === 0) throw notFound('User')
    },

    async list({ username, email }: UserFilter, page: Page, owner: Owner): Promise<{ rows: User[]; total: Total }> {
      const filtered = owner !== undefined || username !== undefined || email !== undefined
      const where = (sql: Sql) => sql`
        where true ${ownUsers(sql, owner)}
        ${username === undefined ? sql`` : sql`and username in (${username}, ${tidyName(username)})`}
        ${email === undefined ? sql`` : sql`and uncased(email) in (uncased(${email}), uncased(${tidyName(email)}))`}`
      return pages.list({
        page,
        counted: filtered ? database.run((sql) => countUpTo(sql, sql`select 1 from users ${where(sql)}`)) : total.count(),
        filter: null,
        next: filtered
          ? undefined
          : (sql, after, limit) => sql`select id from users where id > ${after} order by id limit ${limit}`,
        read: (page) =>
          database.run(
            (sql) => sql<User[]>`select id, username, email, created_at from users ${where(sql)} ${pageOf(sql, page)}`,
          ),
      })
    },

    forgetTotal: () => total.changed(),

    /** Many users changed. */
    forgetPages() {
      total.changed()
      pages.forget()
    },
  }
}

type Conflict = { conflict: 'username' | 'email' | null }

function withoutConflict(row: (User & Conflict) | undefined): User | undefined {
  if (!row) return undefined
  const { conflict: taken, ...user } = row
  if (taken === 'username') throw conflict('username', 'a user with this username already exists')
  if (taken === 'email') throw conflict('email', 'a user with this e-mail already exists')
  return user
}
