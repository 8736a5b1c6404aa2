// A synthetic data set with the structure of real files: 400 users, 2,000 links, 3,500 events. Deterministic, so that screenshots and
// benchmarks are reproducible. All names are invented, and all targets are on domains reserved for examples.

import { ALPHABET } from '../base/code.ts'
import { csvCell } from '../base/csv-cell.ts'

const USERS = 400
const LINKS = 2_000
const UPDATES = 900
const DELETIONS = 140
const CLICKS = 460
const FIRST_DAY = Date.UTC(2025, 0, 6)
const LAST_DAY = Date.UTC(2026, 1, 27)
const DAY = 86_400_000

/** The three files, by name, for importFiles. */
export function demoFiles(): Record<string, Uint8Array> {
  const random = randomFrom(0x77a1905)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const between = (from: number, to: number) => from + Math.floor(random() * (to - from))
  const moment = (from: number, to = LAST_DAY) => between(from / 1000, Math.max(to, from + DAY) / 1000) * 1000

  const users = Array.from({ length: USERS }, (_, index) => {
    const username = `${pick(FIRST)}.${pick(LAST)}${index % 3 === 0 ? between(2, 99) : ''}`
    return {
      id: index + 1,
      username,
      email: `${username}.${index + 1}@${pick(DOMAINS)}`,
      created_at: moment(FIRST_DAY, FIRST_DAY + 300 * DAY),
    }
  })
  users[217]!.username = users[31]!.username // two people with the same name, as in real data

  const codes = new Set<string>()
  const links = Array.from({ length: LINKS }, (_, index) => {
    const owner = pick(users)
    const topic = pick(TOPICS)
    const thing = pick(THINGS)
    const created = moment(owner.created_at)
    return {
      id: index + 1,
      user_id: owner.id,
      short_code: newCode(codes),
      original_url: `https://${pick(HOSTS)}.${pick(DOMAINS)}/${slug(thing)}/${slug(topic)}-${index + 1}${pick(QUERIES)}`,
      title: `${thing}: ${topic}`,
      is_active: true,
      created_at: created,
      updated_at: created,
      tags: [thing, topic].slice(0, index % 3).join('|'),
    }
  })

  type Event = { url_id: number; user_id: number | null; event_type: string; timestamp: number; details: Record<string, unknown> }
  const events: Event[] = links.map(({ id, user_id, short_code, original_url, created_at }) => {
    return { url_id: id, user_id, event_type: 'created', timestamp: created_at, details: { short_code, original_url } }
  })
  for (let n = 0; n < UPDATES; n++) {
    const link = pick(links)
    const timestamp = moment(link.updated_at)
    const field = pick(['title', 'original_url', 'is_active'] as const)
    if (field === 'title') link.title = `${link.title.split(' (')[0]} (${pick(EDITIONS)})`
    if (field === 'original_url') link.original_url = link.original_url.replace(/(-\d+)(\/v\d)?/, `$1/v${between(2, 9)}`)
    if (field === 'is_active') link.is_active = !link.is_active
    link.updated_at = timestamp
    events.push({
      url_id: link.id,
      user_id: link.user_id,
      event_type: 'updated',
      timestamp,
      details: { field, new_value: link[field] },
    })
  }
  for (let n = 0; n < CLICKS; n++) {
    // A few links get most clicks.
    const link = links[Math.floor(random() ** 3 * links.length)]!
    const referrer = pick(REFERRERS)
    events.push({
      url_id: link.id,
      user_id: link.user_id,
      event_type: 'click',
      timestamp: moment(link.created_at),
      details: referrer ? { referrer } : {},
    })
  }
  for (let n = 0; n < DELETIONS; n++) {
    const link = links[(n * 13 + 7) % LINKS]!
    link.is_active = false
    link.updated_at = moment(link.updated_at)
    events.push({
      url_id: link.id,
      user_id: link.user_id,
      event_type: 'deleted',
      timestamp: link.updated_at,
      details: { reason: pick(REASONS) },
    })
  }

  return {
    'users.csv': csv(users),
    'urls.csv': csv(links),
    'events.csv': csv(events.map((event, index) => ({ id: index + 1, ...event }))),
  }

  function newCode(taken: Set<string>): string {
    let code: string
    do code = Array.from({ length: 6 }, () => pick(CHARACTERS)).join('')
    while (taken.has(code) || /^\d+$/.test(code))
    taken.add(code)
    return code
  }
}

/** A random generator for [0, 1): mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function csv(rows: Record<string, unknown>[]): Uint8Array {
  const lines = [Object.keys(rows[0]!), ...rows.map((row) => Object.entries(row).map(([name, value]) => cell(name, value)))]
  return new TextEncoder().encode(`${lines.map((fields) => fields.map((field) => csvCell(field)).join()).join('\n')}\n`)
}

function cell(name: string, value: unknown): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (/(_at|timestamp)$/.test(name)) return new Date(value as number).toISOString().slice(0, 19).replace('T', ' ')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

const slug = (text: string) => text.toLowerCase().replaceAll(' ', '-')
const words = (text: string) => text.trim().split(/\s+/)

const CHARACTERS = [...ALPHABET]
const DOMAINS = ['example.com', 'example.org', 'example.net'] as const
const HOSTS = words('www docs shop blog events library press careers')
const FIRST = words(
  'ada bela cem dana edo fay gita hugo ines jonas kiri lena milo nora otto pia quin rosa sami tove uma vera wim yara zeno',
)
const LAST = words(
  'alder birch cedar dogwood elm fir hazel hickory juniper larch maple oak pine rowan spruce sycamore walnut willow yew',
)
const THINGS = [
  'Newsletter',
  'Spring sale',
  'User manual',
  'Price list',
  'Survey',
  'Invitation',
  'Release notes',
  'Photo album',
  'Recipe',
  'Timetable',
]
const TOPICS = [
  ...[
    'garden tools',
    'city walks',
    'winter tyres',
    'piano lessons',
    'night trains',
    'rain barrels',
    'bread baking',
    'bicycle repair',
  ],
  ...[
    'choir concert',
    'allotment plots',
    'harbour tours',
    'chess club',
    'solar roofs',
    'book swap',
    'stargazing',
    'pottery course',
  ],
]
const EDITIONS = ['new edition', 'corrected', 'sold out', 'extended', 'with map']
const QUERIES = ['', '', '', '?utm_source=poster', '?utm_source=mail&utm_medium=button', '?lang=de', '#programme']
const REFERRERS = [
  '',
  '',
  'news.example.org',
  'forum.example.net',
  'mail.example.com',
  'social.example.org',
  'search.example.com',
]
const REASONS = ['manual', 'expired', 'duplicate', 'user_requested']
