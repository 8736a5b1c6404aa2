/** What other folders need to know of a resource: links, users, events, … Each resource's folder defines it, and server/resources.ts lists them. */
export type Resource = {
  /** Its heading in the API's documentation. */
  tag?: string
  /** The path of its list, if that is not below /api. */
  path?: string
  /** What a backup includes, by name and in the order of references. */
  tables?: Tables
}

export type Tables = Record<string, Table>

type Table = {
  /** A row in this table means that the database is not empty. */
  content?: true
  /** The sequence of its ids. */
  sequence?: string
  /** Columns that have a meaning in their own database only. */
  leftOut?: string[]
}
