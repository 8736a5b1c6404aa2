import type { ComponentChildren } from 'preact'
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Cross } from './icons.tsx'

type Props = {
  title: ComponentChildren
  close: () => void
  /** Buttons at the foot. */
  actions?: ComponentChildren
  class?: string
  children?: ComponentChildren
}

/** The browser's own dialog: it keeps the focus inside, gives it back, and closes with Escape or a click beside it. */
export function Dialog({ title, close, actions, class: name = '', children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  // Before anything else is typed: what follows Ctrl-K belongs to what it opened.
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null
    dialog.current!.showModal()
    const first = (what: string) => dialog.current!.querySelector<HTMLElement>(what)
    ;(first('[autofocus]') ?? first('input, select, textarea') ?? first('h2'))?.focus()
    return () => before?.isConnected && before.focus()
  }, [])
  return (
    <dialog
      ref={dialog}
      class={`dialog ${name}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault()
        close()
      }}
      onMouseDown={(event) => event.target === event.currentTarget && close()}
    >
      <div class="dialog-body">
        <header>
          <h2 id={id} tabIndex={-1}>
            {title}
          </h2>
          <button type="button" class="quiet-button" aria-label="Close" onClick={close}>
            <Cross />
          </button>
        </header>
        {children}
        {actions && <footer>{actions}</footer>}
      </div>
    </dialog>
  )
}

type Question = {
  title: string
  text: ComponentChildren
  /** The word on the button that does it. */
  action: string
  danger?: boolean
  /** What has to be typed first, where much would be lost. */
  type?: string
}

let open: (question: Question & { answer: (yes: boolean) => void }) => void = () => {}

/** `if (await confirm({title: 'Revoke ci?', text: '…', action: 'Revoke', danger: true})) …` */
export const confirm = (question: Question) => new Promise<boolean>((answer) => open({ ...question, answer }))

/** Where confirm() asks; there is one in the console. */
export function Questions() {
  const [question, setQuestion] = useState<Parameters<typeof open>[0]>()
  const [typed, setTyped] = useState('')
  useEffect(() => {
    open = (next) => {
      setTyped('')
      setQuestion(next)
    }
  }, [])
  if (!question) return null
  const { title, text, action, danger, type, answer } = question
  const reply = (yes: boolean) => {
    setQuestion(undefined)
    answer(yes)
  }
  const ready = !type || typed.trim() === type
  return (
    <Dialog title={title} close={() => reply(false)}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (ready) reply(true)
        }}
      >
        <div class="dialog-text">{text}</div>
        {type && (
          <label class="field">
            <span class="label">
              Type <b>{type}</b> to go on
            </span>
            <input value={typed} autocomplete="off" spellcheck={false} onInput={(event) => setTyped(event.currentTarget.value)} />
          </label>
        )}
        <footer>
          <button type="button" class="button" onClick={() => reply(false)}>
            Cancel
          </button>
          <button type="submit" class={danger ? 'button danger' : 'button main'} disabled={!ready}>
            {action}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
