type Props<Value extends string> = {
  label: string
  options: readonly { value: Value; word: string; title?: string }[]
  value: Value
  change: (value: Value) => void
}

/** One of a few options, all visible. */
export function Choice<Value extends string>({ label, options, value, change }: Props<Value>) {
  return (
    <fieldset class="choice" aria-label={label}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          title={option.title}
          aria-pressed={option.value === value}
          onClick={() => change(option.value)}
        >
          {option.word}
        </button>
      ))}
    </fieldset>
  )
}
