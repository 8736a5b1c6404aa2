import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Choice } from '../kit/parts/choice.tsx'
import { Cross } from '../kit/parts/icons.tsx'
import { SearchField } from '../kit/parts/search.tsx'
import { session } from '../kit/server/session.ts'
import { SHOWN, type View } from './view.ts'

type Props = {
  view: View
  field: RefObject<HTMLInputElement | null>
  change: (part: { q?: string; show?: string; user?: string }) => void
}

const PAUSE = 300

export function Filters({ view, field, change }: Props) {
  return (
    <search class="filters">
      <SearchField
        value={view.q}
        change={(q) => change({ q })}
        field={field}
        placeholder="Search code, target, title"
        label="Search links"
      />
      <Choice
        label="Show"
        options={SHOWN.map((value) => ({ value, word: `${value.charAt(0).toUpperCase()}${value.slice(1)}` }))}
        value={view.show}
        change={(show) => change({ show: show === 'all' ? undefined : show })}
      />
      {session.offered?.user_id == null && <UserFilter user={view.user} change={(user) => change({ user })} />}
    </search>
  )
}

function UserFilter({ user, change }: { user: string; change: (user: string) => void }) {
  const [text, setText] = useState(user)
  useEffect(() => setText(user), [user])
  useEffect(() => {
    if (text === user || !/^\d*$/.test(text)) return
    const timer = setTimeout(() => change(text), PAUSE)
    return () => clearTimeout(timer)
  }, [text])
  return (
    <span class="of-user">
      <input
        class="input figure"
        inputMode="numeric"
        value={text}
        placeholder="User id"
        aria-label="Filter by user id"
        aria-invalid={!/^\d*$/.test(text)}
        autocomplete="off"
        onInput={(event) => setText(event.currentTarget.value.trim())}
      />
      {user && (
        <button type="button" class="quiet-button" aria-label="Clear the user filter" onClick={() => change('')}>
          <Cross />
        </button>
      )}
    </span>
  )
}
