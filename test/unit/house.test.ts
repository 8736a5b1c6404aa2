// The rules of CONTRIBUTING.md that a program can check. A violation names the rule and the file.
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { CONSOLE_FLOORS, cyclesOf, FLOORS, folderOf, importsIn, upwards } from '../imports.ts'

const SRC = join(import.meta.dir, '../../src')
const { files, imports } = importsIn(SRC)
const CONSOLE = join(import.meta.dir, '../../console')
const consoleHas = importsIn(CONSOLE)
const textOf = (file: string) => readFileSync(join(SRC, file), 'utf8')

/** Files of src/ whose text has `pattern`, without those that `mayHave` it. */
const filesWith = (pattern: RegExp, mayHave: (file: string) => boolean) =>
  files.filter((file) => !mayHave(file) && pattern.test(textOf(file)))

const isRoute = (file: string) => /(^|\/)(routes|console)\.ts$/.test(file)

test('a folder imports only from those before it in the order of CONTRIBUTING.md, types included', () => {
  expect([...new Set(files.map(folderOf))].sort()).toEqual([...FLOORS].sort())
  expect(upwards(imports, FLOORS).map(({ from, to }) => `${from} imports ${to}`)).toEqual([])
  expect(cyclesOf(imports)).toEqual([])
})

test('a folder of the console imports only from those before it', () => {
  const { files, imports } = consoleHas
  expect([...new Set(files.map(folderOf))].sort()).toEqual([...CONSOLE_FLOORS].sort())
  expect(upwards(imports, CONSOLE_FLOORS).map(({ from, to }) => `${from} imports ${to}`)).toEqual([])
  expect(cyclesOf(imports)).toEqual([])
})

test('a page of the console imports only kit/, link/ also links/, and tags/ also link/', () => {
  const pages = CONSOLE_FLOORS.slice(0, CONSOLE_FLOORS.indexOf('shell')).filter((folder) => !folder.startsWith('kit/'))
  const between = consoleHas.imports.filter(({ from, to }) => pages.includes(folderOf(from)) && !to.startsWith('kit/'))
  expect([...new Set(between.map(({ from, to }) => `${folderOf(from)} -> ${folderOf(to)}`))]).toEqual([
    'link -> links',
    'tags -> link',
  ])
})

test('the console imports of src/ only types, from schema.ts files, and modules that import no others', () => {
  const pure = [
    'base/code-path.ts',
    'base/counted.ts',
    'base/csv-cell.ts',
    'base/png.ts',
    'base/qr-code.ts',
    'base/scope.ts',
    'base/visible.ts',
    'events/system.ts',
    'links/columns.ts',
    'monitor/alerts/click-backlog.ts',
    'monitor/alerts/memory-low.ts',
    'monitor/overview/merge.ts',
    'monitor/overview/problem.ts',
    'monitor/overview/sentences.ts',
  ]
  const bundled = ['uqr'] // a package that is small, and made for browsers too
  const types = /(^|\/)schema\.ts$|^base\/problem\.ts$|^base\/scope\.ts$/
  const taken = consoleHas.files.flatMap((file) =>
    [...readFileSync(join(CONSOLE, file), 'utf8').matchAll(/^(?:import|export) (type )?[^'"]*from '(?:\.\.\/)+src\/(.+)'/gm)].map(
      ([, type, from]) => ({ file, type: type !== undefined, from: from! }),
    ),
  )
  expect(taken.length).toBeGreaterThan(40)
  expect(taken.filter(({ type, from }) => (type ? !types.test(from) : !pure.includes(from)))).toEqual([])
  const values = (file: string) =>
    [...textOf(file).matchAll(/^import (?!type )[^']*'([^']+)'/gm)].flatMap(([, from]) =>
      bundled.includes(from!) ? [] : [join(file, '..', from!)],
    )
  expect(pure.flatMap(values).filter((from) => !pure.includes(from))).toEqual([])
})

test('CONTRIBUTING.md lists the folders in these orders', () => {
  const [ofSrc, ofConsole] = readFileSync(join(SRC, '../CONTRIBUTING.md'), 'utf8').split('`console/` is built the same way')
  const listedIn = (text: string) =>
    [...text.matchAll(/^\| (`[^|]+`) +\|/gm)].flatMap(([, names]) =>
      [...names!.matchAll(/`([a-z./-]+?)\/?`/g)].map(([, name]) => name!),
    )
  expect(listedIn(ofSrc!)).toEqual(FLOORS)
  expect(listedIn(ofConsole!)).toEqual(CONSOLE_FLOORS)
})

test('the check sees an arrow that points up, and a cycle', () => {
  const wrong = [
    { from: 'base/a.ts', to: 'links/b.ts' },
    { from: 'links/b.ts', to: 'base/c.ts' },
    { from: 'http/a.ts', to: 'base/c.ts' },
    { from: 'unheard-of/a.ts', to: 'base/c.ts' },
  ]
  expect(upwards(wrong, FLOORS)).toEqual([wrong[0]!, wrong[3]!])
  expect(cyclesOf(wrong)).toEqual([['base', 'links']])
})

test('files with routes contain no SQL', () => {
  expect(filesWith(/\bsql(<[^`]*>)?`/, (file) => !isRoute(file))).toEqual([])
})

test('only http/ and files with routes set a status', () => {
  expect(filesWith(/\bset\.status = /, (file) => isRoute(file) || folderOf(file) === 'http')).toEqual([])
})

test('only server/routes.ts imports routes', () => {
  const others = files.filter((file) => file !== 'server/routes.ts')
  expect(others.filter((file) => /from '\.\.?\/[^']*\/routes\.ts'/.test(textOf(file)))).toEqual([])
})

test('only config/config.ts reads the environment; base/version.ts has what the build puts in', () => {
  const reads = filesWith(/\bprocess\.env\b/, (file) => file === 'config/config.ts' || file === 'base/version.ts')
  expect(reads).toEqual([])
})

test('files are named by what is in them', () => {
  expect(files.filter((file) => /^(utils?|helpers?|types|common|misc)\b/.test(basename(file)))).toEqual([])
})
