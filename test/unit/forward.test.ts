// What a visitor's URL adds to a target: as tables for the eye, and as promises for every text.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type QueryMode, withPath, withQuery } from '../../src/redirect/forward.ts'
import { rulesOf, stateAt } from '../../src/redirect/rules.ts'
import { target } from '../target.ts'

const signed = 'https://s3.example/a%20b/c?X-Sig=a%2Fb+c%3D&flag&x=1#part'

describe('a query that is forwarded', () => {
  test.each<[string, string, string, string]>([
    // target, the visit's query, add, override
    ['https://e.com/', '', 'https://e.com/', 'https://e.com/'],
    ['https://e.com/', 'a=1', 'https://e.com/?a=1', 'https://e.com/?a=1'],
    ['https://e.com/?', 'a=1', 'https://e.com/?a=1', 'https://e.com/?a=1'],
    ['https://e.com/#top', 'a=1', 'https://e.com/?a=1#top', 'https://e.com/?a=1#top'],
    ['https://e.com/?x=1', 'x=2', 'https://e.com/?x=1', 'https://e.com/?x=2'],
    ['https://e.com/?x=1&y=2', 'x=3&z', 'https://e.com/?x=1&y=2&z', 'https://e.com/?y=2&x=3&z'],
    ['https://e.com/?x=1', 'y=1&y=2&flag', 'https://e.com/?x=1&y=1&y=2&flag', 'https://e.com/?x=1&y=1&y=2&flag'],
    ['https://e.com/?a%5B%5D=1', 'a[]=2', 'https://e.com/?a%5B%5D=1', 'https://e.com/?a[]=2'],
    ['https://e.com/?a+b=1', 'a%20b=2', 'https://e.com/?a+b=1', 'https://e.com/?a%20b=2'],
    ['https://e.com/?x=1', '&&', 'https://e.com/?x=1', 'https://e.com/?x=1&&'],
    ['https://e.com/?x=1', 'q=a+b%2Bc&q2=?/:@', 'https://e.com/?x=1&q=a+b%2Bc&q2=?/:@', 'https://e.com/?x=1&q=a+b%2Bc&q2=?/:@'],
    ['https://e.com/?x=1', '%zz=1', 'https://e.com/?x=1&%zz=1', 'https://e.com/?x=1&%zz=1'],
    ['https://e.com/', 'a=1#b', 'https://e.com/?a=1%23b', 'https://e.com/?a=1%23b'],
    [signed, 'y=2', signed.replace('#', '&y=2#'), signed.replace('#', '&y=2#')],
    ['https://e.com/', 'naïve=1', 'https://e.com/', 'https://e.com/'],
    ['https://e.com/', 'a b', 'https://e.com/', 'https://e.com/'],
    ['https://e.com/', `a=${'x'.repeat(9_000)}`, 'https://e.com/', 'https://e.com/'],
  ])('%s with ?%s', (location, query, added, overridden) => {
    expect([withQuery(location, query, 'add'), withQuery(location, query, 'override')]).toEqual([added, overridden])
  })

  const printable = fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    maxLength: 60,
  })
  const mode = fc.constantFrom<QueryMode>('add', 'override')

  test('never changes anything before the ? of the target, and keeps its fragment', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), printable, mode, (location, query, mode) => {
        const forwarded = withQuery(location, query, mode)
        const before = (url: string) => /^[^?#]*/.exec(url)![0]
        expect(before(forwarded)).toBe(before(location))
        expect(new URL(forwarded).host).toBe(new URL(location).host)
        expect(new URL(forwarded).hash).toBe(new URL(location).hash)
      }),
    )
  })

  test('keeps, with add, every parameter of the target as it was written, and with override every one of the visit', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true }), printable, (location, query) => {
        const parts = (url: string) => (/\?([^#]*)/.exec(url)?.[1] ?? '').split('&').filter(Boolean)
        const added = parts(withQuery(location, query, 'add'))
        expect(added.slice(0, parts(location).length)).toEqual(parts(location))
        const theirs = query.replaceAll('#', '%23').split('&').filter(Boolean)
        expect(parts(withQuery(location, query, 'override')).slice(-theirs.length || Infinity)).toEqual(theirs)
      }),
    )
  })
})

test.each<[string, string, string | undefined]>([
  ['https://e.com', '/a', 'https://e.com/a'],
  ['https://e.com/', '/a/b/', 'https://e.com/a/b/'],
  ['https://e.com/docs', '/a', 'https://e.com/docs/a'],
  ['https://e.com/docs/?x=1#y', '/a%20b', 'https://e.com/docs/a%20b?x=1#y'],
  ['https://e.com/docs', '/..', undefined],
  ['https://e.com/docs', '/../secret', undefined],
  ['https://e.com/docs', '/a/%2e%2E/b', undefined],
  ['https://e.com/docs', '/a%2f..%2fb', undefined],
  ['https://e.com/docs', '/a/./b', undefined],
  ['https://e.com/docs', '/...', 'https://e.com/docs/...'],
  ['https://e.com/docs', '/a\\b', undefined],
  ['https://e.com/docs', '/ä', undefined],
  ['https://e.com/docs', '/@evil.example', 'https://e.com/docs/@evil.example'],
  ['https://e.com', '/.evil.example', 'https://e.com/.evil.example'],
])('%s with the path %s behind the code is %p', (location, rest, expected) => {
  expect(withPath(location, rest)).toBe(expected as string)
})

describe('the rules of a link', () => {
  const compile = (extra: string) => rulesOf(target('ruled', { extra }), (url) => (url.includes('blocked') ? null : url))

  test.each<[string, number, ReturnType<typeof stateAt>]>([
    ['{"noindex":true}', 5, 'active'],
    ['{"valid_from":10}', 9, 'scheduled'],
    ['{"valid_from":10}', 10, 'active'],
    ['{"valid_until":10}', 9, 'active'],
    ['{"valid_until":10}', 10, 'expired'],
    ['{"valid_from":10,"valid_until":20,"used_up":true}', 9, 'used_up'],
    ['{"valid_until":20,"used_up":true}', 25, 'expired'],
    ['{"of_a_later_release":1}', 0, 'active'],
  ])('%s at %d: %s', (extra, now, state) => {
    expect(stateAt(compile(extra)!, now)).toBe(state)
  })

  test.each([
    '',
    '{',
    'null',
    '7',
    '{"valid_until":"soon"}',
    '{"password":1}',
    '{"password":"open sesame"}',
    '{"password":"$2b$garbage"}',
    '{"password":"$2b$10$"}',
    '{"password":"$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA"}',
    '{"password":"$2b$31$abcdefghijklmnopqrstuu5s5b9Zr3qZGZkSgcmQYwzj0u0F0a1Aa"}', // two years
    '{"password":"$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"}', // 4 GiB
    '{"password":"$argon2id$v=19$m=65536,t=99999,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"}',
    '{"forward_query":"all"}',
    '{"card":[1]}',
    '{"used_up":false}',
  ])('that cannot be read leave no link: %s', (extra) => {
    expect(compile(extra)).toBeUndefined()
  })

  test.each(['argon2id', 'argon2i', 'argon2d', 'bcrypt'] as const)('may have a password by %s', async (algorithm) => {
    const password = await Bun.password.hash('open sesame', algorithm)
    expect(compile(JSON.stringify({ password }))).toMatchObject({ password })
  })

  test('drop an expired_url that must not be sent', () => {
    expect(compile('{"expired_url":"https://e.com/"}')?.expired_url).toBe('https://e.com/')
    expect(compile('{"expired_url":"https://blocked.example/"}')?.expired_url).toBeUndefined()
  })
})
