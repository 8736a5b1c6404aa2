import { Fragment } from 'preact'
import { visible } from '../../../src/base/visible.ts'
import type { Event } from '../../../src/events/schema.ts'
import { dateOf, ownZone } from '../browser/zone.ts'
import { Text } from './text.tsx'

/** The details of an event as text, without the caller; nothing if the type is enough. */
export function Details({ event_type, details }: Pick<Event, 'event_type' | 'details'>) {
  const values = details as Record<string, unknown>
  const { by: _by, key_id: _id, key_name: _name, ...others } = values
  const words = WORDS[event_type]?.(values) ?? Object.entries(others).map(([name, value]) => `${name} ${show(value)}`)
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

const NAMES = new Map<unknown, string>([
  ['original_url', 'target'],
  ['short_code', 'code'],
])
const TIMES = new Set<unknown>(['valid_from', 'valid_until'])
const SAYS_NOTHING = new Set<unknown>(['Unknown', 'Bot'])

const WORDS: Record<string, (details: Values) => (string | undefined | false)[]> = {
  click: ({ referrer, browser, system, device, bot }) => [
    bot ? 'bot' : undefined,
    referrer ? `from ${show(referrer)}` : undefined,
    ...[browser, system, device].map((value) => (value && !SAYS_NOTHING.has(value) ? show(value) : undefined)),
  ],
  created: ({ short_code, original_url }) => [`${show(short_code)} → ${show(original_url)}`],
  imported: (details) => WORDS.created!(details),
  updated: (details) => [changed(details)],
  alias_added: ({ code }) => [show(code)],
  alias_removed: ({ code }) => [show(code)],
  reset: ({ clicks }) => [`clicks: ${show(clicks)}`],
  deleted: ({ reason }) => [`reason: ${show(reason)}`],
  purged: ({ url_id, short_code }) => [show(short_code), `link ${show(url_id)}`],
  tag_renamed: ({ tag, name }) => [`${show(tag)} → ${show(name)}`],
  tag_deleted: ({ tag }) => [show(tag)],
  user_deleted: ({ user_id }) => [`user ${show(user_id)}`],
  key_created: ({ name, scope }) => [show(name), `scope ${show(scope)}`],
  key_revoked: ({ name }) => [show(name)],
  host_blocked: ({ host, reason }) => [show(host), reason ? show(reason) : undefined],
  host_unblocked: ({ host }) => [show(host)],
  chaos_armed: ({ fault, seconds, share }) => [show(fault), `for ${show(seconds)} s`, share !== 1 && `share ${show(share)}`],
  chaos_ended: ({ fault, how }) => [show(fault), show(how)],
}

/** The change from the old to the new value. Events of release 0.1.0 lack the old one; those of a secret have neither. */
function changed(details: Values): string {
  const { field, old_value, new_value } = details
  if (field === 'is_active') return new_value ? 'activated' : 'deactivated'
  const name = NAMES.get(field) ?? show(field).replaceAll('_', ' ')
  const said = (value: unknown) => (TIMES.has(field) && typeof value === 'string' ? dateOf(value, ownZone) : show(value))
  if (!('new_value' in details)) return `${name} changed`
  return 'old_value' in details ? `${name}: ${said(old_value)} → ${said(new_value)}` : `${name} → ${said(new_value)}`
}

function show(value: unknown): string {
  if (Array.isArray(value)) return value.map(show).join(', ') || 'none'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return typeof value === 'string' ? value : value === null ? 'none' : JSON.stringify(value)
}
