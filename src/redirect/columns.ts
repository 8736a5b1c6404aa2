// The columns of a link that the redirect obeys, described once: they define the Target type, the select list and the edge copy's table.
// Tests compare them with sql/changes.sql and with the trigger urls_changed.

/** The edge copy's `user_version`. Raise it with each change of the columns. Release 0.1.0 wrote 0, with the tables of 1: without `extra`. */
export const FORMAT = 2

type Kind = 'text' | 'integer' | 'flag'

export type Column = {
  kind: Kind
  nullable?: true
  /** An expression on `urls u`. */
  from: string
}

export const COLUMNS = {
  code: { kind: 'text', from: 'u.short_code' },
  id: { kind: 'integer', from: 'coalesce(u.alias_of, u.id)' }, // an alias is its link: its clicks and limits are the link's
  location: {
    kind: 'text',
    nullable: true,
    from: 'case when u.deleted_at is null then coalesce(u.location, u.original_url) end',
  },
  active: { kind: 'flag', from: 'u.is_active and u.deleted_at is null' },
  version: { kind: 'integer', from: 'u.version' },
  extra: { kind: 'text', nullable: true, from: 'u.extra' }, // JSON, see rules.ts; last, because it was added last
} as const satisfies Record<string, Column>

type Name = keyof typeof COLUMNS

type Values = { text: string; integer: number; flag: boolean }

type Value<C extends Column> = Values[C['kind']] | (C extends { nullable: true } ? null : never)

/** A row with these columns. */
export type Row = { [N in Name]: Value<(typeof COLUMNS)[N]> }

/** The primary key. */
export const KEY = 'code' satisfies Name

export const NAMES = Object.keys(COLUMNS) as Name[]

/** Selects a Row from `urls u`. */
export const SELECT_LIST = NAMES.map((name) => `${COLUMNS[name].from} as ${name}`).join(', ')

/**
 * Reads a row from JSON or SQLite (which has no booleans); undefined if a column is missing or has another type. Written out because a
 * loop would cost a look-up in the edge copy 75 ns. Release 0.1.0 writes no `extra` to Valkey.
 */
export function rowOf(code: string, { id, location, active, version, extra = null }: Record<string, unknown>): Row | undefined {
  const isActive = active === 1 || active === true
  if (!isActive && active !== 0 && active !== false) return undefined
  if (!isInteger(id) || !isInteger(version) || (location !== null && !isText(location))) return undefined
  if (extra !== null && !isText(extra)) return undefined
  return { code, id, location, active: isActive, version, extra }
}

const isText = (value: unknown) => typeof value === 'string'
const isInteger = (value: unknown): value is number => Number.isSafeInteger(value)
