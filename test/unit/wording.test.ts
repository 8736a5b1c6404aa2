// Plain English: keeps the worst wording out of the documents, the changelog, src/, console/, survive/, bench/ and the names of tests.
// CONTRIBUTING.md ("Words") has the glossary.
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FLOORS } from '../imports.ts'

const root = join(import.meta.dir, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')

/** What is not written, and what is. Blanks match line breaks too. */
const WORDS: [not: RegExp, better: string][] = [
  [/\banew\b/, 'again, rebuilt, reconnected'],
  [/(?<!\bthere )\b(is|are|was|were) none\b(?! of)/, 'is invalid, is not one'],
  [/\bwhoever\b/, 'anyone who, the caller that'],
  [/(?<=[.;] )Who \w+s\b/, 'a caller that, somebody who'],
  [/\bunder way\b/, 'in flight, running'],
  [/\bput(s|ting)? right\b/, 'fix, correct'],
  [/\bmend(s|ed|ing)?\b/, 'fix, repair'],
  [/\b(does|do|did) not hold\b/, 'is invalid, fails'],
  [/\bin earnest\b/, 'for real'],
  [/\b(is|are|was|were) away\b/, 'is unreachable, is down'],
  [/\bbeside\b/, 'next to, besides, with'],
  [/\bmeanwhile\b/, 'in the meantime, until then'],
  [/\b(it|that|this|which|server|console|start|database) wants\b/, 'needs, requires'],
  [/\b(is|are|was|were) answered (by )?[1-5]\d\d\b/, 'gets 503'],
  [/\b(is|are|was|be|being) told\b/, 'gets, sees, is notified'],
  [/\bnotices? of alerts?\b/, 'notification (alert), announcement (NOTIFY), banner (console)'],
  [/\bsee to (it|the|a)\b/, 'check, take care of'],
  [/\bfor ever\b/, 'forever'],
]

type Finding = { file: string; line: number; found: string; better: string }

function findings(file: string, text: string): Finding[] {
  return WORDS.flatMap(([not, better]) =>
    [...text.matchAll(new RegExp(not.source.replaceAll(' ', '\\s+'), 'gi'))].map(({ 0: found, index }) => ({
      file,
      line: text.slice(0, index).split('\n').length,
      found: found.replace(/\s+/g, ' '),
      better,
    })),
  ).sort((a, b) => a.line - b.line)
}

const said = (found: Finding[]) => found.map(({ file, line, found, better }) => `${file}:${line}: "${found}" -> ${better}`)

const blank = (text: string) => text.replace(/[^\n]/g, ' ')

/** Blanks out what `pattern` finds, so that line numbers stay. */
const without = (text: string, pattern: RegExp) => text.replace(pattern, blank)

/** The text of a document without what others say: code, the metrics that a server prints, and the glossary's own list. */
const prose = (file: string) =>
  [
    /^```[\s\S]*?^```/gm,
    /`[^`\n]*`/g,
    /(?<=<!-- metrics: .*-->)[\s\S]*?(?=<!-- \/metrics -->)/,
    /^\| Use +\| Not [\s\S]*?\n\n/m,
  ].reduce(without, read(file))

/** Other pages than these are written by bench/ and survive/, or are history. */
const GENERATED = /^docs\/(survival.*|load-tests|capacity)\.md$/
const documents = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', ...new Bun.Glob('docs/*.md').scanSync(root)]
  .filter((file) => !GENERATED.test(file))
  .sort()

describe('documents', () => {
  test.each(documents)('%s', (file) => expect(said(findings(file, prose(file)))).toEqual([]))

  test('their prose has lines of at most 130 characters', () => {
    const long = documents.flatMap((file) =>
      without(read(file), /^```[\s\S]*?^```/gm)
        .split('\n')
        .flatMap((line, index) => (line.length > 130 && !/^(\||\[[\w-]+\]: | {4})/.test(line) ? [`${file}:${index + 1}`] : [])),
    )
    expect(documents.length).toBeGreaterThan(20)
    expect(long).toEqual([])
  })
})

test('the unreleased part of the changelog', () => {
  const text = without(read('CHANGELOG.md'), /^## \[\d[\s\S]*/m)
  expect(said(findings('CHANGELOG.md', without(text, /`[^`\n]*`/g)))).toEqual([])
})

const filesIn = (pattern: string) => [...new Bun.Glob(pattern).scanSync(root)].sort()

test.each([
  ['console/**/*.{ts,tsx,html}', 100],
  ['{survive,bench}/**/*.ts', 80],
])('texts and comments in %s', (pattern, least) => {
  const files = filesIn(pattern)
  // A pattern says what something else has logged.
  const found = files.flatMap((file) => findings(file, without(read(file), /log: \/.*\//g)))
  expect(files.length).toBeGreaterThan(least)
  expect(said(found)).toEqual([])
})

test('the names of tests', () => {
  const title = /(?<=(?:\b(?:test|describe)(?:\.\w+(?:\([^()\n]*\))?)*|\]\))\(\s*)(['"`]).*?\1/gs
  let names = 0
  const found = filesIn('test/**/*.test.ts').flatMap((file) => {
    const text = read(file)
    let titles = ''
    for (const { 0: name, index } of text.matchAll(title)) {
      titles += blank(text.slice(titles.length, index)) + name
      names++
    }
    return findings(file, titles)
  })
  expect(names).toBeGreaterThan(800)
  expect(said(found)).toEqual([])
})

test.each(FLOORS.filter((folder) => folder !== 'main.ts'))('comments, texts and names in src/%s', (folder) => {
  const files = filesIn(`src/${folder}/**/*.ts`)
  expect(files.length).toBeGreaterThan(2)
  const kept = /'armed anew'/g // a value in the audit log
  expect(said(files.flatMap((file) => findings(file, without(read(file), kept))))).toEqual([])
})

test('the check names file, line and better wording', () => {
  const text = 'It is\naway, and made anew.\nThere is none. Beside it: whoever.\nThe server wants it.'
  expect(said(findings('a.md', text))).toEqual([
    'a.md:1: "is away" -> is unreachable, is down',
    'a.md:2: "anew" -> again, rebuilt, reconnected',
    'a.md:3: "whoever" -> anyone who, the caller that',
    'a.md:3: "Beside" -> next to, besides, with',
    'a.md:4: "server wants" -> needs, requires',
  ])
})
