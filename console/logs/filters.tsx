import type { RefObject } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { Choice } from '../parts/choice.tsx'
import { LEVELS, type Search, type View } from './address.ts'
import type { Member } from './fleet.ts'

const PAUSE = 250
const OPTIONS = [{ value: '', word: 'all' }, ...LEVELS.map((level) => ({ value: level, word: level }))]

type Props = {
  view: View
  members: Member[]
  mark: RefObject<HTMLInputElement | null>
  /** What the server says of a field: `regex`, `not_regex`, … */
  faults: Record<string, string>
  change: (part: Partial<View>) => void
}

export function Filters({ view, members, mark, faults, change }: Props) {
  return (
    <search class="log-filters" aria-label="Filter the log">
      <Field
        label="Find"
        hint="Find…"
        keys="/"
        value={view.find}
        fault={faults.filter ?? faults.regex}
        change={(find) => change({ find })}
      />
      <Field
        label="Leave out"
        hint="Leave out…"
        value={view.hide}
        fault={faults.not ?? faults.not_regex}
        change={(hide) => change({ hide })}
      />
      <Field
        label="Mark"
        hint="Mark…"
        keys="m"
        field={mark}
        value={{ text: view.mark, pattern: false }}
        patterns={false}
        change={({ text }) => change({ mark: text })}
      />
      <Choice label="Level" options={OPTIONS} value={view.level} change={(level) => change({ level })} />
      {(members.length > 1 || view.replica) && (
        <select
          class="select"
          aria-label="Replica"
          value={view.replica}
          onChange={(event) => change({ replica: event.currentTarget.value })}
        >
          <option value="">every replica</option>
          {members.map(({ id, name, state }) => (
            <option key={id} value={id}>
              {name}
              {state === 'ready' ? '' : ` · ${state}`}
            </option>
          ))}
          {view.replica && !members.some(({ id }) => id === view.replica) && <option value={view.replica}>{view.replica}</option>}
        </select>
      )}
      <button
        type="button"
        class="switch"
        role="switch"
        aria-checked={view.own}
        title="Requests that consoles make to show their pages"
        onClick={() => change({ own: !view.own })}
      >
        <span class="knob" aria-hidden="true" />
        console’s own
      </button>
    </search>
  )
}

type FieldProps = {
  label: string
  hint: string
  keys?: string
  field?: RefObject<HTMLInputElement | null>
  value: Search
  fault?: string
  /** Whether the text may be a pattern. */
  patterns?: boolean
  change: (value: Search) => void
}

/** It counts once nobody has typed for a moment. */
function Field({ label, hint, keys, field, value, fault, patterns = true, change }: FieldProps) {
  const id = useId()
  const [draft, setDraft] = useState(value)
  const { text, pattern } = draft
  // A pattern without a text is not in the address, but stays what was chosen.
  const same = text === value.text && (pattern === value.pattern || !text)
  const said = useRef(value)
  const say = () => {
    said.current = draft
    change(draft)
  }
  useEffect(() => {
    const own = value.text === said.current.text && (value.pattern === said.current.pattern || !value.text)
    if (!own) setDraft(value) // changed elsewhere; what we said ourselves may be old already, while somebody types on
    said.current = own ? said.current : value
  }, [value.text, value.pattern])
  useEffect(() => {
    if (same) return
    const timer = setTimeout(say, PAUSE)
    return () => clearTimeout(timer)
  }, [text, pattern])

  return (
    <div class={fault ? 'log-field faulty' : 'log-field'}>
      <label class="search">
        <span class="unseen">{label}</span>
        <input
          ref={field}
          type="search" // the shell’s / goes to the first on a page
          value={text}
          placeholder={hint}
          aria-keyshortcuts={keys}
          aria-invalid={fault ? true : undefined}
          aria-describedby={fault ? id : undefined}
          autocomplete="off"
          spellcheck={false}
          maxLength={pattern ? 200 : 500}
          onInput={(event) => setDraft({ text: event.currentTarget.value, pattern })}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !same) say()
            if (event.key !== 'Escape') return
            if (text) setDraft({ text: '', pattern })
            else event.currentTarget.blur()
          }}
        />
        {keys && !text && <kbd>{keys}</kbd>}
      </label>
      {patterns && (
        <button
          type="button"
          class="log-pattern"
          aria-label={`${label}: by pattern`}
          aria-pressed={pattern}
          title="The text is a pattern, in RE2’s syntax: (?i) for any case"
          onClick={() => setDraft({ text, pattern: !pattern })}
        >
          .*
        </button>
      )}
      {fault && (
        <span id={id} class="fault" role="alert">
          {fault}
        </span>
      )}
    </div>
  )
}
