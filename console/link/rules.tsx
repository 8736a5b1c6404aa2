import type { ComponentChildren } from 'preact'
import type { Link } from '../../src/links/schema.ts'
import { dateOf } from '../kit/browser/zone.ts'
import { count } from '../kit/parts/figures.ts'
import { Text } from '../kit/parts/text.tsx'
import { Target } from '../links/named.tsx'

/** The rules of a link, a sentence for each. */
export function Rules({ link, zone }: { link: Link; zone: string }) {
  const rules = rulesOf(link, zone)
  if (rules.length === 0) return null
  return (
    <ul class="link-rules" aria-label="Rules">
      {rules.map((rule, place) => (
        <li key={place}>{rule}</li>
      ))}
    </ul>
  )
}

function rulesOf(link: Link, zone: string): ComponentChildren[] {
  const { valid_from, valid_until, expired_url, max_clicks, card } = link
  const at = (time: string) => `${dateOf(time, zone)} (${zone})`
  const isPast = (time: string) => Date.parse(time) <= Date.now()
  const leads = expired_url ? (
    <>
      leads to <Target url={expired_url} />
    </>
  ) : (
    'leads to EXPIRED_URL, or returns 410'
  )
  return [
    valid_from && `${isPast(valid_from) ? 'Valid since' : 'Works from'} ${at(valid_from)}.`,
    valid_until &&
      (isPast(valid_until) ? (
        <>
          Expired on {at(valid_until)}. Now it {leads}.
        </>
      ) : (
        <>
          Expires on {at(valid_until)}, then {leads}.
        </>
      )),
    max_clicks !== null && (
      <>
        {leftOf(link, max_clicks)} {leads}.
      </>
    ),
    link.password && 'Visitors must enter a password.',
    link.confirm && 'Visitors see the target and a button first.',
    link.forward_query === 'add' && 'The query of a visit is added to the target. The target’s values win.',
    link.forward_query === 'override' && 'The query of a visit is added to the target. The visitor’s values win.',
    link.forward_path && `/${link.short_code}/rest leads to rest below the target.`,
    link.noindex !== null && (link.noindex ? 'Search engines are asked not to list it.' : 'Search engines may list it.'),
    card && (
      <>
        Chats and social networks show a separate preview
        {card.title && (
          <>
            : <Text of={card.title} />
          </>
        )}
        .
      </>
    ),
  ].filter(Boolean)
}

/** The beginning of the sentence about its limit. */
function leftOf({ state, clicks_left }: Link, limit: number): string {
  if (state === 'used_up') return `All ${count(limit)} clicks are spent. Now it`
  const left = clicks_left === null ? `At most ${count(limit)} clicks` : `${count(clicks_left)} of ${count(limit)} clicks left`
  return `${left}, then it`
}
