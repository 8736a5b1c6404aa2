import type { ComponentChildren } from 'preact'

type Props = {
  title: ComponentChildren
  /** Next to the title: a count, a state. */
  note?: ComponentChildren
  /** Filters and buttons, to the right of the title. */
  actions?: ComponentChildren
  /** As high as the window, and scrolls inside: for a live tail. */
  fill?: boolean
  children?: ComponentChildren
}

/** The frame of a page: its title line, then its content. */
export function PageFrame({ title, note, actions, fill = false, children }: Props) {
  return (
    <main id="main" tabIndex={-1} class={fill ? 'fill' : undefined}>
      <div class="page-head">
        <h1>{title}</h1>
        {note !== undefined && <span class="note">{note}</span>}
        {actions && <div class="page-actions">{actions}</div>}
      </div>
      {children}
    </main>
  )
}
