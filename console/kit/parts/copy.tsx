import { useEffect, useState } from 'preact/hooks'
import { visible } from '../../../src/base/visible.ts'
import { Copy, Tick } from './icons.tsx'

/** Copies `text`, and confirms it for a moment. With `label` the button has a text, else an icon. */
export function CopyButton({ text, label }: { text: string; label?: string }) {
  const [outcome, setOutcome] = useState<'copied' | 'failed' | undefined>()
  useEffect(() => {
    if (!outcome) return
    const timer = setTimeout(() => setOutcome(undefined), 1600)
    return () => clearTimeout(timer)
  }, [outcome])
  const word = outcome === 'copied' ? 'Copied' : outcome === 'failed' ? 'Copy failed' : label
  return (
    <button
      type="button"
      class={label ? 'button' : 'quiet-button'}
      title={`Copy ${visible(text)}`}
      aria-label={label ? undefined : (word ?? `Copy ${visible(text)}`)}
      onClick={async () => setOutcome((await copyText(text)) ? 'copied' : 'failed')}
    >
      {outcome === 'copied' ? <Tick /> : <Copy />}
      {label && <span aria-live="polite">{word}</span>}
    </button>
  )
}

/** Browsers offer the clipboard on https and localhost only; elsewhere the old way still works. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = Object.assign(document.createElement('textarea'), { value: text, className: 'off-screen' })
    document.body.append(area)
    area.select()
    const copied = document.execCommand('copy')
    area.remove()
    return copied
  }
}
