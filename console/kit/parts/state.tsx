import type { ComponentChildren } from 'preact'

export type Tone = 'good' | 'warn' | 'bad' | 'unknown'

const SIGNS: Record<Tone, string> = { good: '●', warn: '▲', bad: '■', unknown: '○' }

/** A state: a colour, a sign and a text, because colour alone is not accessible. */
export function State({ tone, title, children }: { tone: Tone; title?: string; children: ComponentChildren }) {
  return (
    <span class={`state ${tone}`} title={title}>
      <span class="sign" aria-hidden="true">
        {SIGNS[tone]}
      </span>
      {children}
    </span>
  )
}
