// Types of events that only the server writes: the audit trail of links, keys, hosts, sessions and faults.

/** A test compares this list with the source. `click` is missing on purpose: clients may post clicks. */
export const SYSTEM_TYPES = [
  ...['created', 'imported', 'updated', 'alias_added', 'alias_removed', 'deleted', 'reset', 'purged', 'user_deleted'],
  ...['tag_renamed', 'tag_deleted'],
  ...['key_created', 'key_revoked', 'signed_out_everywhere', 'host_blocked', 'host_unblocked', 'chaos_armed', 'chaos_ended'],
]

const known = new Set(SYSTEM_TYPES)

/** Ignores case, width and blanks: a reader of the audit log would mistake such a variant for an event of the server. */
export const isSystemType = (type: string) =>
  known.has(
    type
      .normalize('NFKC')
      .replace(/[\s\p{C}]/gu, '')
      .toLowerCase(),
  )
