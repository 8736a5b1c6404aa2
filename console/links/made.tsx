import { useEffect, useRef } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { CopyButton } from '../kit/parts/copy.tsx'
import { Cross } from '../kit/parts/icons.tsx'
import { Text } from '../kit/parts/text.tsx'

/** The link that was just created. Its Copy has the focus: Enter again copies. */
export function Made({ link, close }: { link: Link; close: () => void }) {
  const copy = useRef<HTMLDivElement>(null)
  useEffect(() => copy.current?.querySelector('button')?.focus(), [link.id])
  return (
    <div class="made" role="status" ref={copy}>
      <a class="short" href={link.short_url} target="_blank" rel="noreferrer">
        {link.short_url.replace(/^https?:\/\//, '')}
      </a>
      <CopyButton text={link.short_url} label="Copy" key={link.id} />
      <span class="quiet to">
        leads to <Text of={link.original_url} />
      </span>
      <button type="button" class="quiet-button" aria-label="Close" onClick={close}>
        <Cross />
      </button>
    </div>
  )
}
