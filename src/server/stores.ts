import { keyStore } from '../access/keys/store.ts'
import type { PolicyFeed } from '../access/policy/policy.ts'
import { renewSessionSecret } from '../access/policy/store.ts'
import { blocklistStore } from '../blocklist/store.ts'
import type { Database } from '../database/guard.ts'
import { eventStore } from '../events/store.ts'
import type { By } from '../http/principal.ts'
import { aliasStore } from '../links/aliases/store.ts'
import type { Codes } from '../links/code.ts'
import { linkStore } from '../links/store.ts'
import { tagStore } from '../tags/store.ts'
import { userStore } from '../users/store.ts'

/** The stores of the API's resources, and the effects of changes that concern several of them. */
export function createStores({ database, policy, codes }: { database: Database; policy: PolicyFeed; codes: Codes }) {
  const users = userStore(database)
  const links = linkStore(database, codes)
  const events = eventStore(database)

  /** Rows of several tables changed. */
  const rowsChanged = () => [users, links, events].forEach((store) => store.forgetPages())

  /** Keys or blocked hosts changed, and an event was written. Resolves when the change is in force on this replica. */
  const policyChanged = () => {
    events.forgetTotal()
    return policy.changed()
  }

  return {
    users,
    links,
    aliases: aliasStore(database, codes),
    events,
    keys: keyStore(database),
    blockedHosts: blocklistStore(database),
    tags: tagStore(database),
    rowsChanged,
    policyChanged,

    /** A tag changed on its links, and perhaps on keys. */
    async tagChanged() {
      rowsChanged()
      await policy.changed().catch(() => {}) // the change feed announces it again
    },

    /** A user was deleted with their links, events and keys. */
    async userDeleted() {
      rowsChanged()
      await policy.changed().catch(() => {}) // the change feed announces it again
    },

    /** Ends every session; the event names the caller (`by`). Resolves when this is in force on this replica. */
    async endSessions(by: By) {
      await renewSessionSecret(database, by)
      await policyChanged()
    },
  }
}
