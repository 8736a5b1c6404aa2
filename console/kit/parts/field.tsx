import type { AllHTMLAttributes, ComponentChildren, RefObject } from 'preact'
import { useId } from 'preact/hooks'
import { visible } from '../../../src/base/visible.ts'
import { Text } from './text.tsx'

/** Other attributes of an input. */
type Attributes = Omit<AllHTMLAttributes<HTMLInputElement>, 'label' | 'value' | 'role' | 'onInput'>

type Props = Attributes & {
  label: string
  value: string
  change: (value: string) => void
  /** What is wrong with it; replaces the hint. */
  fault?: string
  hint?: ComponentChildren
  /** The input itself, to focus it. */
  input?: RefObject<HTMLInputElement | null>
  /** Natural language, rather than a name or a number. */
  prose?: boolean
}

/** A field with its label above, and its fault or hint below. */
export function Field({ label, value, change, fault, hint, input, prose = false, class: name = '', ...rest }: Props) {
  const id = useId()
  return (
    <div class={`field ${name}`}>
      <label class="label" for={id}>
        {label}
      </label>
      <input
        id={id}
        autocomplete="off"
        autocapitalize={prose ? undefined : 'none'}
        spellcheck={prose}
        {...(rest as object)}
        ref={input}
        value={value}
        aria-invalid={fault !== undefined}
        aria-describedby={`${id}-note`}
        onInput={(event) => change(event.currentTarget.value)}
      />
      <span id={`${id}-note`} class={fault ? 'fault' : 'hint'} aria-live="polite">
        {fault ?? hiddenIn(value) ?? hint}
      </span>
    </div>
  )
}

/** A warning about characters that an input does not show. */
export const hiddenIn = (value: string) =>
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
