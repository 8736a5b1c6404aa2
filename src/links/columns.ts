// The columns of a link, described once: the API, imports and exports derive from this table. Those that the redirect obeys are in
// src/redirect/columns.ts. A new column also needs a migration: tests compare both descriptions with the tables and triggers.
import type { Sql } from '../database/guard.ts'

/** Where a column is used, besides the database. */
type Use = 'shown' | 'given' | 'changed' | 'imported'

type Column = {
  /** PostgreSQL's internal name of the type. */
  type: keyof Values
  nullable?: true
  /** The expression to select, if it is not the column itself. */
  from?: string
  /** Not a column of `urls`. */
  derived?: true
  /** Neither shown nor in events: answers only say whether it is set. */
  secret?: true
  /** The redirect obeys it through `extra`: an earlier release would ignore it. */
  rule?: true
  /** In the API's answers. */
  shown?: true
  /** Accepted when a link is created. */
  given?: true
  /** Accepted by PATCH /urls/:id, which writes an event for it. */
  changed?: true
  /** In urls.csv, for import and export. */
  imported?: true
}

type Values = {
  int8: number
  text: string
  _text: string[]
  bool: boolean
  timestamptz: string
  xid8: string
  jsonb: Record<string, string>
}

/** In the order of the table, which is that of the API's answers. */
export const COLUMNS = {
  id: { type: 'int8', shown: true, imported: true },
  user_id: { type: 'int8', nullable: true, shown: true, given: true, imported: true },
  short_code: { type: 'text', shown: true, given: true, changed: true, imported: true },
  original_url: { type: 'text', shown: true, given: true, changed: true, imported: true },
  location: { type: 'text', nullable: true }, // derived from original_url, and written with it
  title: { type: 'text', nullable: true, shown: true, given: true, changed: true, imported: true },
  is_active: { type: 'bool', shown: true, given: true, changed: true, imported: true },
  click_count: { type: 'int8', derived: true, from: 'coalesce(t.clicks, 0)::bigint', shown: true },
  last_click: { type: 'timestamptz', nullable: true, derived: true, from: 't.last_click', shown: true },
  created_at: { type: 'timestamptz', shown: true, imported: true },
  updated_at: { type: 'timestamptz', shown: true, imported: true },
  deleted_at: { type: 'timestamptz', nullable: true },
  purged_at: { type: 'timestamptz', nullable: true },
  version: { type: 'int8' },
  xid: { type: 'xid8' },
  valid_from: { type: 'timestamptz', nullable: true, shown: true, given: true, changed: true, imported: true, rule: true },
  valid_until: { type: 'timestamptz', nullable: true, shown: true, given: true, changed: true, imported: true, rule: true },
  expired_url: { type: 'text', nullable: true, shown: true, given: true, changed: true, imported: true, rule: true },
  max_clicks: { type: 'int8', nullable: true, shown: true, given: true, changed: true, imported: true, rule: true },
  forward_query: {
    type: 'text',
    nullable: true,
    from: `coalesce(u.forward_query, 'off')`,
    shown: true,
    given: true,
    changed: true,
    imported: true,
    rule: true,
  },
  forward_path: { type: 'bool', shown: true, given: true, changed: true, imported: true, rule: true },
  password: {
    type: 'text',
    nullable: true,
    from: 'u.password is not null',
    secret: true,
    shown: true,
    given: true,
    changed: true,
    rule: true,
  },
  confirm: { type: 'bool', shown: true, given: true, changed: true, imported: true, rule: true },
  noindex: { type: 'bool', nullable: true, shown: true, given: true, changed: true, imported: true, rule: true },
  card: { type: 'jsonb', nullable: true, shown: true, given: true, changed: true, rule: true },
  note: { type: 'text', nullable: true, shown: true, given: true, changed: true, imported: true },
  clicks_left: {
    type: 'int8',
    nullable: true,
    derived: true,
    from: `case when u.max_clicks is not null then greatest(0,
      coalesce((select a."left" from allowances a where a.url_id = u.id), u.max_clicks)
      + coalesce((select sum(l.granted - greatest(l.spent, l.recorded)) from leases l where l.url_id = u.id and not l.void), 0))::bigint end`,
    shown: true,
  },
  used_up_at: { type: 'timestamptz', nullable: true, shown: true },
  click_limit: { type: 'int8', nullable: true }, // kept by the trigger, like `extra`
  extra: { type: 'text', nullable: true },
  tags: { type: '_text', shown: true, given: true, changed: true, imported: true },
  tag_keys: { type: '_text' }, // kept by a trigger
  alias_of: { type: 'int8', nullable: true }, // the row is another code of this link, kept by triggers
} as const satisfies Record<string, Column>

type Name = keyof typeof COLUMNS

/** Names of the columns with a use. */
export type NamesOf<U extends Use | 'rule' | 'secret'> = {
  [N in Name]: (typeof COLUMNS)[N] extends Record<U, true> ? N : never
}[Name]

/** A row of the columns with a use. */
export type RowOf<U extends Use> = {
  [N in NamesOf<U>]: U extends 'shown' ? ((typeof COLUMNS)[N] extends { secret: true } ? boolean : Stored<N>) : Stored<N>
}

type Stored<N extends Name> =
  | Values[(typeof COLUMNS)[N]['type']]
  | ((typeof COLUMNS)[N] extends { nullable: true } ? null : never)

const namesOf = <U extends Use | 'rule' | 'secret'>(use: U) =>
  Object.entries<Column>(COLUMNS).flatMap(([name, column]) => (column[use] ? [name] : [])) as NamesOf<U>[]

export const SHOWN = namesOf('shown')
export const GIVEN = namesOf('given')
export const CHANGED = namesOf('changed')
export const IMPORTED = namesOf('imported')
/** The given values of the columns `names`, as JSON: of an object in a column, all of it. */
export const jsonOf = (row: Record<string, unknown>, names: readonly string[]) =>
  JSON.stringify(Object.fromEntries(names.map((name) => [name, row[name]])))

export const SECRET: readonly string[] = namesOf('secret')
export const RULES = namesOf('rule')

/** The select list of shown columns, from `urls u` and its totals `t`. */
export const linkColumns = (sql: Sql) => sql.unsafe(SELECT_LIST)

const SELECT_LIST = SHOWN.map((name) => {
  const { from }: Column = COLUMNS[name]
  return from ? `${from} as ${name}` : `u.${name}`
}).join(', ')
