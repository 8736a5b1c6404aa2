import type { AllHTMLAttributes, ComponentChildren, RefObject } from 'preact'
import { useId } from 'preact/hooks'

/** What else an input takes. */
type Attributes = Omit<AllHTMLAttributes<HTMLInputElement>, 'label' | 'value' | 'role' | 'onInput'>

type Props = Attributes & {
  label: string
  value: string
  change: (value: string) => void
  /** What is wrong with it; it takes the hint's place. */
  fault?: string
  hint?: ComponentChildren
  /** The input itself, to focus it. */
  input?: RefObject<HTMLInputElement | null>
  /** A text in somebody's language, rather than a name or a number. */
  prose?: boolean
}

/** A field with its name above and what is to be said of it below. */
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
        aria-describedby={`${id}-told`}
        onInput={(event) => change(event.currentTarget.value)}
      />
      <span id={`${id}-told`} class={fault ? 'fault' : 'hint'} aria-live="polite">
        {fault ?? hint}
      </span>
    </div>
  )
}

/** A refusal that is no field's. */
export const Failure = ({ children }: { children: ComponentChildren }) =>
  children ? (
    <p class="failure" role="alert">
      <span class="sign" aria-hidden="true">
        ■
      </span>{' '}
      {children}
    </p>
  ) : null
