import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Choice } from '../kit/parts/choice.tsx'
import { Cross } from '../kit/parts/icons.tsx'
import { SearchField } from '../kit/parts/search.tsx'
import { TagField } from '../kit/parts/tags.tsx'
import { session } from '../kit/server/session.ts'
import { wordOf } from './state.tsx'
import { MATCHES, SHOWN, SORTS, type View } from './view.ts'

type Props = {
  view: View
  field: RefObject<HTMLInputElement | null>
  /** Changes the address. */
  change: (part: Record<string, string | undefined>) => void
}

const PAUSE = 300
const WORDS = { all: 'All of them', any: 'Any', none: 'None' }

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
      <select
        class="select"
        aria-label="State"
        value={view.show}
        onChange={({ currentTarget: { value } }) => change({ show: value === 'all' ? undefined : value })}
      >
        {SHOWN.map((state) => (
          <option key={state} value={state}>
            {state === 'all' ? 'All states' : wordOf(state)}
          </option>
        ))}
      </select>
      <select
        class="select"
        aria-label="Order"
        value={view.sort ? `${view.sort.by} ${view.sort.order}` : ''}
        onChange={({ currentTarget: { value } }) => {
          const [sort, order] = value.split(' ')
          change({ sort, order })
        }}
      >
        {SORTS.map(([value, word]) => (
          <option key={value} value={value}>
            {value === '' && view.q ? 'Best match' : word}
          </option>
        ))}
      </select>
      <TagField bare label="Filter by tags" placeholder="Tag" value={view.tag} change={(tag) => change({ tag })} />
      {view.tag && (
        <Choice
          label="Tags"
          options={MATCHES.map((value) => ({ value, word: WORDS[value] }))}
          value={view.match}
          change={(match) => change({ match: match === 'all' ? undefined : match })}
        />
      )}
      {session.offered?.user_id == null && session.offered?.only_tag == null && (
        <UserFilter user={view.user} change={(user) => change({ user })} />
      )}
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
