// Scopes: what a caller may do, in one word.

/** Highest first. admin: everything. write: reading, and changes. read: sees everything. metrics: the metrics only. */
export const SCOPES = ['admin', 'write', 'read', 'metrics'] as const

export type Scope = (typeof SCOPES)[number]

/** A scope includes those of a lower rank. */
export const RANKS: Record<Scope | 'none', number> = { admin: 4, write: 3, read: 2, metrics: 1, none: 0 }

/** Whether a key is bound to a user or a tag: then it may do less than its scope allows. Earlier releases know no tags. */
export const isBound = ({ user_id, only_tag }: { user_id: number | null; only_tag?: string | null }) =>
  user_id !== null || (only_tag ?? null) !== null
