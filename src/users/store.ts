import type { Database } from '../database/guard.ts'
import type { Owner } from '../database/ownership.ts'
import { pageOf } from '../database/paging.ts'
import { countUpTo, totals } from '../database/totals.ts'
import type { Page, Total } from '../http/page.ts'
import { conflict, notFound } from '../http/problem.ts'
import { deleteLinksOf } from '../links/erase.ts'
import type { Target } from '../redirect/target.ts'
import type { NewUser, User, UserChange } from './schema.ts'

export type UserStore = ReturnType<typeof userStore>
export type UserFilter = { username?: string; email?: string }

export function userStore(database: Database) {
  const total = totals(database, 'users', (sql) => sql`select 1 from users`)

  return {
    /** 409 where the username, or the e-mail in any case, is taken: decided in create_user, under locks. */
    async create({ username, email }: NewUser): Promise<User> {
      const [row] = await database.run((sql) => sql<(User & Conflict)[]>`select * from create_user(${username}, ${email})`)
      total.changed()
      return withoutConflict(row)!
    },

    async find(id: number, owner: Owner): Promise<User> {
      if (owner !== undefined && owner !== id) throw notFound('User')
      const [user] = await database.run((sql) => sql<User[]>`select id, username, email, created_at from users where id = ${id}`)
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

    /** Deletes the user with its links (their codes stay taken) and all events of both; `changed` is told of the links, chunk by chunk. */
    async delete(id: number, changed: (targets: Target[]) => void): Promise<void> {
      await this.find(id, undefined)
      await deleteLinksOf(database, id, changed)
      const gone = await database.run((sql) => sql`delete from users where id = ${id}`)
      total.changed()
      if (gone.count === 0) throw notFound('User')
    },

    async list({ username, email }: UserFilter, page: Page, owner: Owner): Promise<{ rows: User[]; total: Total }> {
      const filtered = owner !== undefined || username !== undefined || email !== undefined
      return database.run(async (sql) => {
        const where = sql`
          where true ${owner === undefined ? sql`` : sql`and id = ${owner}`}
          ${username === undefined ? sql`` : sql`and username = ${username}`}
          ${email === undefined ? sql`` : sql`and lower(email) = lower(${email})`}`
        const rows = sql<User[]>`
          select id, username, email, created_at from users ${where} ${pageOf(sql, page)}`
        const count = filtered ? countUpTo(sql, sql`select 1 from users ${where}`) : total.count()
        const [found, counted] = await Promise.all([rows, count]) // together: neither may fail with nobody waiting for it
        return { rows: [...found], total: counted }
      })
    },

    forgetTotal: () => total.changed(),
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
