import type { ComponentChildren } from 'preact'
import { CopyButton } from './copy.tsx'
import { Text } from './text.tsx'

/** An empty state: why it is empty, what to do next, and a command to copy. */
export function Empty({ title, command, children }: { title: string; command?: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>
        <Text of={title} />
      </h2>
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
