import type { ComponentChildren } from 'preact'
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { visible } from '../../../src/base/visible.ts'
import { Cross } from './icons.tsx'
import { Text } from './text.tsx'

type Props = {
  title: ComponentChildren
  close: () => void
  /** Buttons at the foot. */
  actions?: ComponentChildren
  class?: string
  /** There is no button to close it. */
  fixed?: boolean
  children?: ComponentChildren
}

/** The browser's own dialog: it keeps the focus inside, gives it back, and closes with Escape or a click outside. */
export function Dialog({ title, close, actions, class: name = '', fixed = false, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  // Before the next key press: text typed right after Ctrl-K belongs to the dialog.
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
            {typeof title === 'string' ? <Text of={title} /> : title}
          </h2>
          {!fixed && (
            <button type="button" class="quiet-button" aria-label="Close" onClick={close}>
              <Cross />
            </button>
          )}
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
  /** The text of the button that confirms. */
  action: string
  danger?: boolean
  /** The text to type first, if much would be lost. */
  type?: string
}

let open: (question: Question & { answer: (yes: boolean) => void }) => void = () => {}

/** `if (await confirm({title: 'Revoke ci?', text: '…', action: 'Revoke', danger: true})) …` */
export const confirm = (question: Question) => new Promise<boolean>((answer) => open({ ...question, answer }))

/** Shows the questions of confirm(). There is one in the console. */
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
  const ready = !type || typed.trim() === type.trim() || typed.trim() === visible(type) // hidden characters cannot be typed
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
              Type{' '}
              <b>
                <Text of={type} />
              </b>{' '}
              to continue
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
