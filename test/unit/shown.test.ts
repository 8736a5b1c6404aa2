// How `waypost link` prints links.
import { afterEach, beforeEach, expect, type Mock, spyOn, test } from 'bun:test'
import { jsonText, listPrinter, onTerminal, printLink } from '../../src/commands/link/shown.ts'
import type { Link } from '../../src/links/schema.ts'

let printed: string
let writing: Mock<typeof process.stdout.write>
beforeEach(() => {
  printed = ''
  writing = spyOn(process.stdout, 'write').mockImplementation(((text: string, done: () => void) => {
    printed += text
    done()
    return true
  }) as never)
})
afterEach(() => writing.mockRestore())

const linkOf = (more: object) =>
  ({
    id: 7,
    short_code: 'abc',
    click_count: 1_234,
    state: 'active',
    title: null,
    original_url: 'https://example.com/',
    ...more,
  }) as Link

test('a list on a terminal is a table, as wide as its first page needs', async () => {
  const list = listPrinter(false)
  await list.add([linkOf({}), linkOf({ id: 12_345, short_code: '会議', title: 'A title that is far too long for its column' })])
  await list.add([linkOf({ title: 'bell\u0007', original_url: `https://example.com/${'x'.repeat(200)}` })])
  await list.end()
  const lines = printed.split('\n')
  expect(lines.slice(0, 3)).toEqual([
    '   ID  CODE  CLICKS  STATE   TITLE                           TARGET',
    '    7  abc    1,234  active                                  https://example.com/',
    '12345  会議   1,234  active  A title that is far too long …  https://example.com/',
  ])
  expect(lines[3]).not.toContain('\u0007')
  expect(lines[3]).toEndWith('x…')
  expect(onTerminal()).toBe(process.stdout.isTTY === true)
})

test('an empty list has no head on a terminal, and is an empty list as JSON', async () => {
  await listPrinter(false).end()
  expect(printed).toBe('')
  await listPrinter(true).end()
  expect(JSON.parse(printed)).toEqual([])
})

test('pages as JSON are one list', async () => {
  const list = listPrinter(true)
  for (const page of [[linkOf({})], [], [linkOf({ id: 8 }), linkOf({ id: 9 })]]) await list.add(page)
  await list.end()
  expect(JSON.parse(printed).map(({ id }: Link) => id)).toEqual([7, 8, 9])
})

test('one link shows the fields that are set, its short URL first', async () => {
  await printLink(linkOf({ short_url: 'http://localhost/abc', tags: ['a'] }), false)
  expect(printed.split('\n').slice(0, 2)).toEqual(['short_url     http://localhost/abc', 'id            7'])
  expect(printed).toContain('tags          ["a"]')
  expect(printed).not.toContain('title')
})

test('one link as JSON is whole', async () => {
  await printLink(linkOf({ title: 'a\u0085b' }), true)
  expect(JSON.parse(printed)).toEqual(linkOf({ title: 'a\u0085b' }))
  expect(printed).toContain('\\u0085')
  expect(jsonText('\u007f')).toBe('"\\u007f"')
})
