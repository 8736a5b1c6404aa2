// What the console's forms of links compute: times in a zone, UTM parameters, and what of a draft is sent.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { localOf, timeOf } from '../../console/kit/browser/zone.ts'
import { valueIn, withValue } from '../../console/links/campaign.ts'
import { changesOf, EMPTY } from '../../console/links/draft.ts'
import { faultsOf } from '../../console/links/faults.ts'
import { printedSeed } from '../seed.ts'

describe('a time in a form', () => {
  test.each([
    ['2026-12-01T09:30', 'UTC', '2026-12-01T09:30:00Z'],
    ['2026-07-01T09:30', 'Europe/Berlin', '2026-07-01T07:30:00Z'],
    ['2026-12-01T09:30', 'Asia/Kathmandu', '2026-12-01T03:45:00Z'],
    ['2026-03-29T02:30', 'Europe/Berlin', '2026-03-29T01:30:00Z'], // skipped: 3:30
    ['2026-10-25T02:30', 'Europe/Berlin', '2026-10-25T00:30:00Z'], // the first of two
    ['2026-09-06T00:30', 'America/Santiago', '2026-09-06T04:30:00Z'],
    ['2026-01-01T00:00', 'Pacific/Kiritimati', '2025-12-31T10:00:00Z'],
    ['0002-12-01T09:30', 'UTC', ''], // a year that is half typed
    ['', 'UTC', ''],
  ])('%s in %s is %s', (local, zone, time) => expect(timeOf(local, zone)).toBe(time))

  test('comes back as it was typed', () => {
    const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/New_York')
    const minutes = fc.integer({ min: 0, max: 100 * 525_600 }).map((minute) => new Date(minute * 60_000).toISOString())
    fc.assert(
      fc.property(minutes, zones, (time, zone) => {
        const local = localOf(time, zone)
        expect(localOf(timeOf(local, zone), zone)).toBe(local)
      }),
      { seed: printedSeed('times in a form') },
    )
  })
})

describe('a UTM parameter', () => {
  const SIGNED = 'https://e.com/a?x=1&utm_source=a+b%20c&sig=%2F+z&flag#top'
  test.each([
    [SIGNED, 'utm_source', 'n l', 'https://e.com/a?x=1&utm_source=n%20l&sig=%2F+z&flag#top'],
    [SIGNED, 'utm_source', '', 'https://e.com/a?x=1&sig=%2F+z&flag#top'],
    [SIGNED, 'utm_medium', 'é&', 'https://e.com/a?x=1&utm_source=a+b%20c&sig=%2F+z&flag&utm_medium=%C3%A9%26#top'],
    ['e.com', 'utm_term', 'x', 'e.com?utm_term=x'],
    ['https://e.com?utm_term=1#f', 'utm_term', '', 'https://e.com#f'],
    ['https://e.com?utm_term=1&utm_term=2', 'utm_term', '3', 'https://e.com?utm_term=3'],
  ])('of %s: %s=%s', (target, name, value, then) => {
    expect(withValue(target, name, value)).toBe(then)
    expect(valueIn(then, name)).toBe(value)
  })

  test('that is not validly encoded is shown as it is', () =>
    expect([valueIn('https://e.com?utm_term=%zz', 'utm_term'), valueIn(SIGNED, 'utm_source')]).toEqual(['%zz', 'a b c']))
})

describe('a draft', () => {
  const draft = { ...EMPTY, target: 'example.com' }
  test.each([
    [{}, { original_url: 'https://example.com' }],
    [
      { code: 'abc', title: ' T ', limit: ' 5 ' },
      { original_url: 'https://example.com', short_code: 'abc', title: 'T', max_clicks: 5 },
    ],
    [{ tags: 'a,b c' }, { original_url: 'https://example.com', tags: ['a', 'b c'] }],
    [{ password: 'set' as const }, { original_url: 'https://example.com', password: 'secret' }],
    [{ cardImage: 'e.com/x.png' }, { original_url: 'https://example.com', card: { image: 'https://e.com/x.png' } }],
  ])('of a new link with %j', (part, body) => expect(changesOf({ ...draft, ...part }, EMPTY, 'secret')).toEqual(body))

  test('of a link sends only changed fields, and null for cleared ones', () => {
    const before = {
      ...draft,
      title: 'T',
      limit: '5',
      query: 'add' as const,
      noindex: 'true' as const,
      cardTitle: 'C',
      note: 'N',
    }
    expect(changesOf(before, before, '')).toEqual({})
    expect(
      changesOf({ ...before, title: '', limit: '', query: 'off', noindex: '', cardTitle: ' ', password: 'remove' }, before, ''),
    ).toEqual({ title: null, max_clicks: null, forward_query: 'off', noindex: null, card: null, password: null })
  })

  test.each([
    [{ target: '' }, 'target'],
    [{ target: 'ftp://example.com' }, 'target'],
    [{ target: 'https://me:secret@example.com' }, 'target'],
    [{ code: '12' }, 'code'],
    [{ limit: '1.5' }, 'limit'],
    [{ expired: 'not an address' }, 'expired'],
    [{ from: '2030-01-02T00:00:00Z', until: '2030-01-01T00:00:00Z' }, 'until'],
    [{ until: '2020-01-01T00:00:00Z' }, 'until'],
    [{ password: 'set' as const }, 'password'],
    [{ cardImage: 'data:image/png' }, 'cardImage'],
    [{ note: 'x'.repeat(2_001) }, 'note'],
  ])('with %j has a fault', (part, field) => expect(Object.keys(faultsOf({ ...draft, ...part }, '', true))).toEqual([field]))

  test('of a link that has expired may stay as it is', () =>
    expect(faultsOf({ ...draft, until: '2020-01-01T00:00:00Z', code: '12' }, '', false)).toEqual({}))
})
