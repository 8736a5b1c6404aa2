import type { Link } from '../../src/links/schema.ts'
import { dateOf, ownZone } from '../kit/browser/zone.ts'
import { State, type Tone } from '../kit/parts/state.tsx'

const WORDS: Record<Link['state'], [Tone, string]> = {
  active: ['good', 'active'],
  scheduled: ['unknown', 'scheduled'],
  inactive: ['unknown', 'inactive'],
  expired: ['warn', 'expired'],
  used_up: ['warn', 'used up'],
  blocked: ['bad', 'blocked'],
}

/** Used up, at the start of a line. */
export const wordOf = (state: Link['state']) => WORDS[state][1].replace(/^./, (first) => first.toUpperCase())

/** The state of a link where it is an exception; nothing for an active one. */
export function LinkState({ link }: { link: Link }) {
  if (link.state === 'active') return null
  const [tone, word] = WORDS[link.state]
  return (
    <State tone={tone} title={whyOf(link)}>
      {word}
    </State>
  )
}

function whyOf({ state, valid_from, valid_until, max_clicks }: Link): string | undefined {
  if (state === 'blocked') return 'Its host is on the blocklist, so it returns 410'
  if (state === 'inactive') return 'Turned off: it returns 404'
  if (state === 'scheduled' && valid_from) return `Works from ${dateOf(valid_from, ownZone)}`
  if (state === 'expired' && valid_until) return `Since ${dateOf(valid_until, ownZone)}`
  if (state === 'used_up') return `All ${max_clicks} clicks are spent`
}
