// Flags of `waypost link` come from schemas: each field has one, and its text becomes the right value.
import { expect, test } from 'bun:test'
import { Type } from '@sinclair/typebox'
import { Nullable } from '../../src/base/schema.ts'
import { bodyOf, type Field, fieldsOf, placeholderOf, readValue } from '../../src/commands/link/fields.ts'
import { CHANGED, GIVEN } from '../../src/links/columns.ts'
import { LinkQuery } from '../../src/links/filter.ts'
import { LinkChange, NewLink } from '../../src/links/schema.ts'

const FIELDS = fieldsOf(
  Type.Object({
    text: Type.Optional(Nullable(Type.String({ maxLength: 5 }), { description: 'A text.' })),
    fixed: Type.String({ default: 'x', description: 'Cannot be null.' }),
    how_many: Type.Optional(Nullable(Type.Integer({ description: 'A number.' }))),
    on: Type.Optional(Type.Boolean()),
    perhaps: Nullable(Type.Boolean()),
    mode: Nullable(Type.Union([Type.Literal('off'), Type.Literal('add')])),
    secret: Type.Union([Type.String(), Type.Boolean(), Type.Null()]),
    tags: Type.Array(Type.String()),
    card: Nullable(Type.Object({ title: Type.String() })),
  }),
)
const field = (name: string): Field => FIELDS.find((one) => one.name === name)!

test.each([
  ['text', 'true', 'true'],
  ['text', '', null],
  ['fixed', '', ''],
  ['how_many', '7', 7],
  ['how_many', '', null],
  ['on', 'false', false],
  ['perhaps', '', null],
  ['mode', 'add', 'add'],
  ['secret', 'true', 'true'],
  ['tags', 'a, b,', ['a', 'b']],
  ['tags', '["a,b"]', ['a,b']],
  ['tags', '', []],
  ['card', '{"title":"x"}', { title: 'x' }],
  ['card', '', null],
] as [string, string, unknown][])('%s from %j is %j', (name, text, value) => expect(readValue(field(name), text)).toEqual(value))

test.each([
  ['how_many', 'many', '--how-many must be a number (it is "many")'],
  ['on', '', '--on must be true or false (it is "")'],
  ['mode', 'on', '--mode must be off or add (it is "on")'],
  ['card', 'x', '--card must be JSON (it is "x")'],
])('%s cannot be %j', (name, text, sentence) => expect(() => readValue(field(name), text)).toThrow(sentence))

test('a flag says what it takes', () => {
  expect(FIELDS.map((one) => placeholderOf(one)).join(' ')).toBe(
    '<text> <text> <number> <boolean> <boolean> <text> <text> <a,b> <json>',
  )
  expect([field('mode').choices, field('on').choices, field('secret').choices]).toEqual([
    ['off', 'add'],
    ['true', 'false'],
    undefined,
  ])
  expect([field('text').help, field('how_many').help, field('fixed').help, field('on').help]).toEqual([
    'A text.',
    'A number.',
    'Cannot be null. (default: x)',
    '',
  ])
})

test('a body is made of pairs, by the names of the API or of the flags; lists add up', () => {
  const pairs: [string, string][] = [
    ['tags', 'a'],
    ['how-many', '1'],
    ['how_many', '2'],
    ['tags', 'b,c'],
  ]
  expect(bodyOf(FIELDS, pairs)).toEqual({ tags: ['a', 'b', 'c'], how_many: 2 })
  expect(() => bodyOf(FIELDS, [['nothing', 'x']])).toThrow('there is no field nothing: the fields are text, fixed, ')
})

test('every field of the API has a flag, and none has the name of another flag of the commands', () => {
  const [given, changed, filters] = [NewLink, LinkChange, LinkQuery].map((schema) => fieldsOf(schema))
  expect(given!.map(({ name }) => name)).toEqual(expect.arrayContaining(GIVEN))
  expect(changed!.map(({ name }) => name)).toEqual(expect.arrayContaining(CHANGED))
  const others = ['json', 'set', 'help', 'env-file', 'waypost-url', 'waypost-key', 'limit', 'all', 'purge', 'reason']
  for (const fields of [given!, changed!, filters!]) {
    const flags = fields.map(({ flag }) => flag)
    expect(new Set(flags).size).toBe(flags.length)
    expect(flags.filter((flag) => others.includes(flag))).toEqual([])
  }
})
