// Text of others where people read it: what is hidden in it shows, and what turns text around does not.
import { describe, expect, test } from 'bun:test'
import { visible, visibleLine } from '../../src/base/visible.ts'
import { pageText } from '../../src/http/pages.ts'
import type { Notification } from '../../src/monitor/notifications/schema.ts'
import { textOf, titleOf } from '../../src/monitor/notifications/texts.ts'

describe('what is hidden in a text', () => {
  test.each([
    ['turned around', 'gpj.\u202eexe', 'gpj.⟨U+202E⟩exe'],
    ['isolated', 'a\u2066b\u2069c', 'a⟨U+2066⟩b⟨U+2069⟩c'],
    ['of no width', 'pay\u200bpal\ufeff', 'pay⟨U+200B⟩pal⟨U+FEFF⟩'],
    ['a soft hyphen', 'wiki\u00adpedia', 'wiki⟨U+00AD⟩pedia'],
    ['a control character', 'a\u001b[31mred\u0007', 'a⟨U+001B⟩[31mred⟨U+0007⟩'],
    ['C1', 'a\u009bb', 'a⟨U+009B⟩b'],
    ['a line separator', 'a\u2028b', 'a⟨U+2028⟩b'],
    ['tags', 'a\u{E0041}b', 'a⟨U+E0041⟩b'],
    ['an Arabic mark', 'a\u061cb', 'a⟨U+061C⟩b'],
    ['half a character', 'a\ud800b', 'a⟨U+D800⟩b'],
  ])('%s', (_, text, shown) => expect(visible(text)).toBe(shown))

  test.each([
    ['letters of any script', 'שלום مرحبا नमस्ते สวัสดี'],
    ['a family', '👩‍👩‍👧‍👦'],
    ['the flag of Scotland', '🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}'],
    ['joiners of Persian', 'می‌خواهم'],
    ['combining marks', 'e\u0301'],
    ['tabs and lines', 'a\tb\nc\r\n'],
  ])('%s stay as they are', (_, text) => expect(visible(text)).toBe(text))

  test('a line stays one line', () => expect(visibleLine('a\nb\tc')).toBe('a⟨U+000A⟩b⟨U+0009⟩c'))
})

test('a page of the server shows it, and keeps it apart', () => {
  const page = pageText(200, { title: 'abc leads to', text: 'https://example.com/\u202egpj.exe?<b>', note: 'note' })
  expect(page).toContain('<p id="text"><bdi>https://example.com/⟨U+202E⟩gpj.exe?&lt;b&gt;</bdi></p>')
  expect(pageText(404, { title: 'a\u202eb', text: '' })).toContain('<title>a⟨U+202E⟩b</title>')
})

test('a notice shows it', () => {
  const notice = {
    alert: 'service_down',
    kind: 'firing',
    test: false,
    replicas: ['host\u202e\ninjected: yes'],
    since: '2026-01-01T00:00:00Z',
    at: '2026-01-01T00:00:00Z',
    value: 1,
    limit: 0,
    unit: 'n',
    help: 'It is down.',
  } as unknown as Notification
  expect(titleOf(notice)).toBe('FIRING: service_down on host⟨U+202E⟩⟨U+000A⟩injected: yes')
  expect(textOf(notice, 'https://runbook')).toContain('Replica: host⟨U+202E⟩⟨U+000A⟩injected: yes')
})
