import { Fragment } from 'preact'
import { visible } from '../../../src/base/visible.ts'
import type { Event } from '../../../src/events/schema.ts'
import { Text } from './text.tsx'

/** The details of an event as text; nothing if its type says it all. */
export function Details({ event_type, details }: Pick<Event, 'event_type' | 'details'>) {
  const values = details as Record<string, unknown>
  const words = WORDS[event_type]?.(values) ?? Object.entries(values).map(([name, value]) => `${name} ${show(value)}`)
  return (
    <span class="details" title={visible(JSON.stringify(details))}>
      {words.filter(Boolean).map((word, place) => (
        <Fragment key={place}>
          {place > 0 && ' · '}
          <Text of={String(word)} />
        </Fragment>
      ))}
    </span>
  )
}

type Values = Record<string, unknown>

const WORDS: Record<string, (details: Values) => (string | undefined | false)[]> = {
  click: ({ referrer, browser, system, device, bot }) => [
    bot ? 'bot' : undefined,
    referrer ? `from ${show(referrer)}` : undefined,
    ...[browser, system, device].map((value) => (value ? show(value) : undefined)),
  ],
  created: ({ short_code, original_url }) => [show(short_code), `→ ${show(original_url)}`],
  updated: ({ field, new_value }) => [
    field === 'is_active' ? (new_value ? 'activated' : 'deactivated') : `${show(field)} → ${show(new_value)}`,
  ],
  deleted: ({ reason }) => [`reason: ${show(reason)}`],
  key_created: ({ name, scope, by }) => [show(name), `scope ${show(scope)}`, by ? `by ${show(by)}` : undefined],
  key_revoked: ({ name, by }) => [show(name), by ? `by ${show(by)}` : undefined],
  host_blocked: ({ host, reason, by }) => [show(host), reason ? show(reason) : undefined, by ? `by ${show(by)}` : undefined],
  host_unblocked: ({ host, by }) => [show(host), by ? `by ${show(by)}` : undefined],
}

const show = (value: unknown) => (typeof value === 'string' ? value : value === null ? 'none' : JSON.stringify(value))
