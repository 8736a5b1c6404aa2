import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Choice } from '../kit/parts/choice.tsx'
import { Cross } from '../kit/parts/icons.tsx'
import { SearchField } from '../kit/parts/search.tsx'
import { TagField } from '../kit/parts/tags.tsx'
import { session } from '../kit/server/session.ts'
import { MATCHES, SHOWN, type View } from './view.ts'

type Props = {
  view: View
  field: RefObject<HTMLInputElement | null>
  change: (part: { q?: string; show?: string; user?: string; tag?: string; match?: string }) => void
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
      <Choice
        label="Show"
        options={SHOWN.map((value) => ({ value, word: `${value.charAt(0).toUpperCase()}${value.slice(1)}` }))}
        value={view.show}
        change={(show) => change({ show: show === 'all' ? undefined : show })}
      />
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
