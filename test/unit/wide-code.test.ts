// Codes of any script, with dots and slashes, and the paths that mean them.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { CODE, RESERVED } from '../../src/base/code.ts'
import { pathOf } from '../../src/base/code-path.ts'
import { codeOfPath } from '../../src/base/ending.ts'
import { codeMeant, isRoute, refusalOf, wideCodeIn } from '../../src/base/wide-code.ts'
import { printedSeed } from '../seed.ts'

const seed = printedSeed('codes and paths')
const runs = { seed, numRuns: 3_000 }

/** The code that the server takes a path for: app.ts looks for a plain one first. */
const codeIn = (path: string) => codeOfPath(path.slice(1)) ?? wideCodeIn(path)

const text = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...'abzAZ059_-./+&=:;,!)@$*(\'"<>[]{}|^`~') },
      {
        weight: 2,
        arbitrary: fc.constantFrom(
          'ü',
          'ß',
          'İ',
          'ش',
          'ह',
          'ि',
          '語',
          '👍',
          '👩‍👧',
          '🏴󠁧󠁢󠁥󠁮󠁧󠁿',
          '❤️',
          'api',
          'urls',
          '%',
          '#',
          '?',
          '\\',
          ' ',
        ),
      },
      fc.string({ unit: 'binary', minLength: 1, maxLength: 2 }),
    ),
    { minLength: 1, maxLength: 30 },
  )
  .map((parts) => parts.join('').normalize('NFC'))
const code = text.filter((text) => refusalOf(text) === undefined)

describe('a code', () => {
  test('is what its path means, in each spelling', () => {
    fc.assert(
      fc.property(code, fc.constantFrom('', '/', '.', ')', '/)', '%20', '&gt;', '%E2%80%8B'), (code, ending) => {
        const path = pathOf(code)
        expect(path).toMatch(/^\/[\x21-\x7e]+$/)
        const slashed = path.replace(/(?<=.)\//g, '%2f')
        const lower = path.replace(/%../g, (byte) => byte.toLowerCase())
        const all = `/${[...new TextEncoder().encode(code)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')}`
        const decomposed = pathOf(code.normalize('NFD'))
        for (const spelt of [path, slashed, lower, all, decomposed, new URL(path, 'https://go.example').pathname])
          expect([spelt, codeIn(spelt + ending)]).toEqual([spelt, code])
        expect(codeMeant(code)).toBe(code)
      }),
      runs,
    )
  })

  test('is never the path of a route, and survives what URL parsers do', () => {
    fc.assert(
      fc.property(code, (code) => {
        expect(isRoute(pathOf(code))).toBe(false)
        expect(new URL(`https://go.example${pathOf(code)}`).pathname).toBe(pathOf(code))
      }),
      runs,
    )
  })

  test('is found in any path or in none, and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webPath(), text, fc.string({ unit: 'binary' })), (path) => {
        const found = wideCodeIn(`/${path}`)
        if (found !== undefined) expect([refusalOf(found), CODE.test(found)]).toEqual([undefined, false])
      }),
      runs,
    )
  })
})

test.each([
  ['brand/sale.2024', undefined],
  ['für-dich', undefined],
  ['.a', 'dot'],
  ['a/.b', undefined],
  ['a.b.', 'punctuation'],
  ['❤️', undefined],
  ['می‌خواهم', undefined],
  ['a'.repeat(200), undefined],
  ['👍'.repeat(200), undefined],
  ['👍'.repeat(201), '200 characters'],
  ['', '200 characters'],
  ['u\u0308', 'NFC'],
  ['a b', 'blanks'],
  ['a\u00a0b', 'blanks'],
  ['a\u202eb', 'blanks'],
  ['a\0b', 'blanks'],
  ['100%', 'blanks'],
  ['/a', 'slash'],
  ['a/', 'slash'],
  ['a//b', 'slash'],
  ['a/../b', 'slash'],
  ['a/./b', 'slash'],
  ['.well-known/x', 'dot'],
  ['c++', 'preview'],
  ['wow!', 'punctuation'],
  ['urls', 'reserved'],
  ['URLs/x', 'reserved'],
  ['favicon.ico', 'reserved'],
  ['api/x', 'reserved'],
  ['apis/x', undefined],
])('%s can be a code, or is refused for %s', (code, reason) => {
  if (reason === undefined) expect(refusalOf(code)).toBeUndefined()
  else expect(refusalOf(code)).toContain(reason)
})

test('nothing below a reserved word is a code', () => {
  for (const word of RESERVED)
    for (const rest of ['', '/x', '.x', '/x.y', '.x/y'])
      expect([word + rest, refusalOf(word + rest)]).toEqual([word + rest, expect.stringContaining('reserved')])
})

test('a long path is refused in no time that grows with its square', () => {
  for (const part of ['.', '%20', '/x', '&gt;', '%2F', 'a', '%F0%9F%91%8D', '/'])
    for (const length of [2_600, 1_000_000])
      expect(wideCodeIn(`/x${part.repeat(length / part.length)}x`)?.length ?? 0).toBeLessThan(401)
})
