import type { RefObject } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { Choice } from '../kit/parts/choice.tsx'
import { LEVELS, type Search, type View } from './address.ts'
import type { Member } from './fleet.ts'

const PAUSE = 250
const OPTIONS = [
  { value: '', word: 'All' },
  ...LEVELS.map((level) => ({ value: level, word: `${level.charAt(0).toUpperCase()}${level.slice(1)}` })),
]

type Props = {
  view: View
  members: Member[]
  mark: RefObject<HTMLInputElement | null>
  /** The server's errors, by field: `regex`, `not_regex`, … */
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
        label="Exclude"
        hint="Exclude…"
        value={view.hide}
        fault={faults.not ?? faults.not_regex}
        change={(hide) => change({ hide })}
      />
      <Field
        label="Highlight"
        hint="Highlight…"
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
          <option value="">All replicas</option>
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
        title="Show requests that consoles send"
        onClick={() => change({ own: !view.own })}
      >
        <span class="knob" aria-hidden="true" />
        Console traffic
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
  /** Whether the text may be a regular expression. */
  patterns?: boolean
  change: (value: Search) => void
}

/** A change takes effect when typing pauses. */
function Field({ label, hint, keys, field, value, fault, patterns = true, change }: FieldProps) {
  const id = useId()
  const [draft, setDraft] = useState(value)
  const { text, pattern } = draft
  // A regular expression without a text is not in the address, but the button stays pressed.
  const same = text === value.text && (pattern === value.pattern || !text)
  const sent = useRef(value)
  const send = () => {
    sent.current = draft
    change(draft)
  }
  useEffect(() => {
    const own = value.text === sent.current.text && (value.pattern === sent.current.pattern || !value.text)
    if (!own) setDraft(value) // changed elsewhere; our own change may be older than what is being typed
    sent.current = own ? sent.current : value
  }, [value.text, value.pattern])
  useEffect(() => {
    if (same) return
    const timer = setTimeout(send, PAUSE)
    return () => clearTimeout(timer)
  }, [text, pattern])

  return (
    <div class={fault ? 'log-field faulty' : 'log-field'}>
      <label class="search">
        <span class="unseen">{label}</span>
        <input
          ref={field}
          type="search" // the shell focuses the first one of a page with /
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
            if (event.key === 'Enter' && !same) send()
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
          aria-label={`${label}: regular expression`}
          aria-pressed={pattern}
          title="Use a regular expression (RE2 syntax; (?i) ignores case)"
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
