import { useRef, useState } from 'preact/hooks'
import { Cross } from '../parts/icons.tsx'
import { PageFrame } from '../parts/page.tsx'
import { sentence } from '../parts/trouble.tsx'
import type { ApiError } from '../server/api.ts'
import { useKeys } from '../shell/keys.ts'
import { useRoute } from '../shell/route.ts'
import { logsPath, readView, showView, type View } from './address.ts'
import { Filters } from './filters.tsx'
import { useMembers } from './fleet.ts'
import { readKey } from './line.ts'
import { Tail } from './tail.tsx'

/** The page of the log: its live end, filtered and marked as the address says, of one replica or all. */
export function Logs() {
  const view = readView(useRoute().query)
  const members = useMembers()
  const [error, setError] = useState<ApiError>()
  const mark = useRef<HTMLInputElement>(null)
  useKeys({ m: () => mark.current?.focus() }, { m: 'Mark words' })

  // Of the address as it is by then: a field waits until nobody types.
  const change = (part: Partial<View>) =>
    showView({ ...readView(new URLSearchParams(location.search)), line: '', around: '', ...part }, { replace: true })
  const faults = Object.fromEntries(
    (error?.details ?? []).map(({ field, message }) => [field, sentence({ message: `this ${message}` })]),
  )
  const several = members !== undefined && members.length > 1
  const replica = view.replica || (several ? 'all' : '')
  const nameOf = (id: string) => members?.find((member) => member.id === id)?.name ?? id

  return (
    <PageFrame title="Logs" fill>
      {view.around ? (
        <Around view={view} nameOf={several ? nameOf : undefined} />
      ) : (
        <Filters view={view} members={members ?? []} mark={mark} faults={faults} change={change} />
      )}
      {view.request && !view.around && (
        <p class="log-request">
          Only the request <code>{view.request}</code>
          <button
            type="button"
            class="quiet-button"
            aria-label="Show every request"
            onClick={() => change({ request: '', own: false })}
          >
            <Cross />
          </button>
        </p>
      )}
      {members && (
        <Tail
          key={view.around ? `around ${view.around}` : logsPath(view, replica)}
          view={view}
          replica={replica}
          members={members.map(({ id }) => id)}
          nameOf={several && (replica === 'all' || view.around) ? nameOf : undefined}
          refused={setError}
        />
      )}
    </PageFrame>
  )
}

/** Which lines these are, and the way back to the filtered log. */
function Around({ view, nameOf }: { view: View; nameOf: ((replica: string) => string) | undefined }) {
  const { replica = '', sequence } = readKey(view.around) ?? {}
  return (
    <p class="log-request">
      Every line around number {sequence}
      {nameOf && replica && ` of ${nameOf(replica)}`}
      <button type="button" class="button" onClick={() => showView({ ...view, around: '', line: '' })}>
        Back to the log
      </button>
    </p>
  )
}
