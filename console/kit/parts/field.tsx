import type { AllHTMLAttributes, ComponentChildren, RefObject } from 'preact'
import { useEffect, useId, useState } from 'preact/hooks'
import { visible } from '../../../src/base/visible.ts'
import { localOf, timeOf } from '../browser/zone.ts'
import { Text } from './text.tsx'

/** Other attributes of an input. */
type Attributes = Omit<AllHTMLAttributes<HTMLInputElement>, 'id' | 'label' | 'value' | 'role' | 'onInput'>

type Labelled = {
  label: string
  /** What is wrong with it; replaces the hint. */
  fault?: string
  hint?: ComponentChildren
  class?: string
  id?: string
}

type Props = Attributes &
  Labelled & {
    value: string
    change: (value: string) => void
    /** The input itself, to focus it. */
    input?: RefObject<HTMLInputElement | null>
    /** Natural language, rather than a name or a number. */
    prose?: boolean
    /** So many lines high. */
    lines?: number
  }

/** A field with its label above, and its fault or hint below. */
export function Field({ label, value, change, fault, hint, input, prose = false, lines, class: name, id, ...rest }: Props) {
  const Input = (lines ? 'textarea' : 'input') as 'input'
  return (
    <Around label={label} fault={fault} hint={hiddenIn(value) ?? hint} class={name} id={id}>
      {(about) => (
        <Input
          autocomplete="off"
          autocapitalize={prose ? undefined : 'none'}
          spellcheck={prose}
          {...(lines && { rows: lines })}
          {...(rest as object)}
          {...about}
          ref={input}
          value={value}
          onInput={(event) => change(event.currentTarget.value)}
        />
      )}
    </Around>
  )
}

type SelectProps<Value extends string> = Labelled & {
  options: readonly (readonly [value: Value, word: string])[]
  value: Value
  change: (value: Value) => void
}

/** One of a list, as a field. */
export function SelectField<Value extends string>({ options, value, change, ...labelled }: SelectProps<Value>) {
  return (
    <Around {...labelled}>
      {(about) => (
        <select {...about} value={value} onChange={(event) => change(event.currentTarget.value as Value)}>
          {options.map(([value, word]) => (
            <option key={value} value={value}>
              {word}
            </option>
          ))}
        </select>
      )}
    </Around>
  )
}

type TimeProps = Labelled & {
  /** ISO text in UTC; '' for none. */
  value: string
  zone: string
  change: (value: string) => void
}

/** A time in a zone, to the minute. */
export function TimeField({ value, zone, change, ...labelled }: TimeProps) {
  const [text, setText] = useState(localOf(value, zone))
  useEffect(() => {
    if (timeOf(text, zone) !== value) setText(localOf(value, zone)) // changed elsewhere, or a year that is half typed
  }, [value, zone])
  return (
    <Field
      {...labelled}
      type="datetime-local"
      value={text}
      change={(text) => {
        setText(text)
        change(timeOf(text, zone))
      }}
    />
  )
}

type CheckProps = { label: string; hint?: string; value: boolean; change: (value: boolean) => void }

/** A yes or no, with its label next to it. */
export function CheckField({ label, hint, value, change }: CheckProps) {
  const id = useId()
  return (
    <div class="field check">
      <label>
        <input type="checkbox" checked={value} aria-describedby={id} onChange={(event) => change(event.currentTarget.checked)} />{' '}
        {label}
      </label>
      <span id={id} class="hint">
        {hint}
      </span>
    </div>
  )
}

type About = { id: string; 'aria-invalid': boolean; 'aria-describedby': string }

/** Label, control, and the line below it. */
function Around({
  label,
  fault,
  hint,
  class: name = '',
  id,
  children,
}: Labelled & { children: (about: About) => ComponentChildren }) {
  const own = useId()
  const known = id ?? own
  return (
    <div class={`field ${name}`}>
      <label class="label" for={known}>
        {label}
      </label>
      {children({ id: known, 'aria-invalid': fault !== undefined, 'aria-describedby': `${known}-note` })}
      <span id={`${known}-note`} class={fault ? 'fault' : 'hint'} aria-live="polite">
        {fault ?? hint}
      </span>
    </div>
  )
}

/** A warning about characters that an input does not show. */
const hiddenIn = (value: string) =>
  visible(value) === value ? undefined : (
    <>
      Contains hidden characters: <Text of={value} />
    </>
  )

/** An error that belongs to no field. */
export const Failure = ({ children }: { children: ComponentChildren }) =>
  children ? (
    <p class="failure" role="alert">
      <span class="sign" aria-hidden="true">
        ■
      </span>{' '}
      {children}
    </p>
  ) : null
