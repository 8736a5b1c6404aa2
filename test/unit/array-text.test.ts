import { expect, test } from 'bun:test'
import { numbersText, textsText } from '../../src/clicks/array-text.ts'

test.each([
  [[], '{}'],
  [[7], '{7}'],
  [[1, null, 2.5, 1_764_580_000_123, -3], '{1,null,2.5,1764580000123,-3}'],
])('numbers %p', (list, text) => {
  expect(numbersText(list as (number | null)[])).toBe(text)
})

test.each([
  [[], '{}'],
  [['', null, 'null', 'NULL'], '{"",null,"null","NULL"}'],
  [['a,b', '{c}', ' d '], '{"a,b","{c}"," d "}'],
  [['say "x"', 'back\\slash', '{"referrer":"a\\"b"}'], '{"say \\"x\\"","back\\\\slash","{\\"referrer\\":\\"a\\\\\\"b\\"}"}'],
])('texts %p', (list, text) => {
  expect(textsText(list as (string | null)[])).toBe(text)
})
