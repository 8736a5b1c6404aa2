import { useRef, useState } from 'preact/hooks'
import { useKeys } from '../kit/browser/keys.ts'
import { useRoute } from '../kit/browser/route.ts'
import { Cross } from '../kit/parts/icons.tsx'
import { PageFrame } from '../kit/parts/page.tsx'
import { Text } from '../kit/parts/text.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import type { ApiError } from '../kit/server/api.ts'
import { logsPath, readView, showView, type View } from './address.ts'
import { Filters } from './filters.tsx'
import { useMembers } from './fleet.ts'
import { readKey } from './line.ts'
import { Tail } from './tail.tsx'

/** The log of one replica or all: live, filtered and highlighted as the address says. */
export function Logs() {
  const view = readView(useRoute().query)
  const members = useMembers()
  const [error, setError] = useState<ApiError>()
  const mark = useRef<HTMLInputElement>(null)
  useKeys({ m: () => mark.current?.focus() }, { m: 'Highlight words' })

  // Reads the address again: it may have changed while a field waited for typing to pause.
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
          Tracing request{' '}
          <code>
            <Text of={view.request} />
          </code>
          <button
            type="button"
            class="quiet-button"
            aria-label="Show all requests"
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

/** Names the line whose context is shown, with a button back to the filtered log. */
function Around({ view, nameOf }: { view: View; nameOf: ((replica: string) => string) | undefined }) {
  const { replica = '', sequence } = readKey(view.around) ?? {}
  return (
    <p class="log-request">
      Context of line {sequence}
      {nameOf && replica && ` on ${nameOf(replica)}`}
      <button type="button" class="button" onClick={() => showView({ ...view, around: '', line: '' })}>
        Back to the log
      </button>
    </p>
  )
}
