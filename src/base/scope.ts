// Scopes: what a caller may do, in one word.

/** Highest first. admin: everything. write: reading, and changes. read: sees everything. metrics: the metrics only. */
export const SCOPES = ['admin', 'write', 'read', 'metrics'] as const

export type Scope = (typeof SCOPES)[number]

/** A scope includes those of a lower rank. */
export const RANKS: Record<Scope | 'none', number> = { admin: 4, write: 3, read: 2, metrics: 1, none: 0 }
