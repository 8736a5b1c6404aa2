import type { ComponentChildren } from 'preact'
import { CopyButton } from './copy.tsx'

/** Nothing to show: why, what to do next, and the command to copy. */
export function Empty({ title, command, children }: { title: string; command?: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children && <div class="quiet">{children}</div>}
      {command && (
        <p class="command">
          <code>{command}</code>
          <CopyButton text={command} />
        </p>
      )}
    </div>
  )
}
