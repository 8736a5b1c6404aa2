// Small files that a replica keeps: whole or not at all, told from others', and put aside where they cannot be used.
import { describe, expect, test } from 'bun:test'
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Type } from '@sinclair/typebox'
import { followedFile } from '../../src/database/timeline.ts'
import { exactly } from '../../src/slot/exactly.ts'
import { keptFile } from '../../src/slot/kept-file.ts'
import { createLog, createLogRing } from '../../src/telemetry/logs.ts'
import { temporaryFolder } from '../scratch.ts'

const Figures = Type.Object({ name: Type.String(), counts: Type.Array(Type.Integer()) })
const content = { name: 'ada', counts: [1, 2, 3] }

function fileIn(folder: string, format = 2) {
  return keptFile({
    path: join(folder, 'figures.json'),
    is: 'figures',
    format,
    accepts: exactly(Figures),
    earlier: (from, old) => (from === 0 ? { name: 'from before', counts: [], ...(old as object) } : undefined),
  })
}

/** A log, and its entries, newest first. */
function listening() {
  const ring = createLogRing()
  const log = createLog('fatal', ring, false)
  return { log, lines: () => ring.read({ limit: 100 }) }
}

test('a file is read as it was written, by its owner alone', async () => {
  const folder = temporaryFolder()
  const file = fileIn(folder)
  expect(file.read()).toEqual({ missing: true })
  await file.write(content)
  expect(file.read()).toEqual({ content })
  await file.write({ ...content, name: 'ben' })
  expect(file.read()).toEqual({ content: { ...content, name: 'ben' } })
  expect(readdirSync(folder)).toEqual(['figures.json'])
  expect(statSync(file.path).mode & 0o777).toBe(0o600)
})

test('a file without a header is of format 0, and read where that one is known', () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'figures.json'), '{"counts":[4]}')
  expect(fileIn(folder).read()).toEqual({ content: { name: 'from before', counts: [4] } })
})

test('release 0.1.0 finds the members where it looks for them', async () => {
  const file = fileIn(temporaryFolder())
  await file.write(content)
  expect(JSON.parse(readFileSync(file.path, 'utf8'))).toMatchObject(content)
})

const edit = (text: string, change: (all: any) => void) => {
  const all = JSON.parse(text)
  change(all)
  return JSON.stringify(all)
}
const whole = JSON.stringify({ kept: {}, ...content })
const spoilt: [string, (text: string) => string | Buffer, string, RegExp][] = [
  ['empty', () => '', 'damaged', /empty/],
  ['cut off', (text) => text.slice(0, -20), 'damaged', /not valid JSON/],
  ['of zeros', () => Buffer.alloc(4096), 'damaged', /not valid JSON/],
  ['a list', () => '[]', 'damaged', /not a JSON object/],
  ['null', () => 'null', 'damaged', /not a JSON object/],
  ['of another value', (text) => text.replace('"ada"', '"eve"'), 'damaged', /checksum/],
  ['with one member more', (text) => text.replace('"name"', '"nome":1,"name"'), 'damaged', /checksum/],
  ['another file', (text) => edit(text, ({ kept }) => (kept.file = 'policy')), 'damaged', /another kind of file \(policy\)/],
  ['without a format', (text) => edit(text, ({ kept }) => delete kept.format), 'damaged', /no format/],
  ['with an empty header', () => whole, 'damaged', /no format/],
  ['with null for a header', () => '{"kept":null}', 'damaged', /no format/],
  ['of a damaged header', (text) => text.replace('"kept"', '"kepp"'), 'damaged', /its content is not that of/],
  ['without a header, of another shape', () => '{"counts":"many"}', 'damaged', /its content is not that of/],
  ['of the next release', (text) => edit(text, ({ kept }) => (kept.format = 3)), 'newer', /format 3.* reads only 2/],
  ['of a release that is forgotten', (text) => edit(text, ({ kept }) => (kept.format = 1)), 'older', /format 1.* reads only 2/],
]

describe('a file that cannot be used is put aside, with one line that names it:', () => {
  test.each(spoilt)('%s', async (_, spoil, why, because) => {
    const folder = temporaryFolder()
    const file = fileIn(folder)
    await file.write(content)
    const bytes = spoil(readFileSync(file.path, 'utf8'))
    writeFileSync(file.path, bytes)
    const { log, lines } = listening()
    expect(file.take(log)).toBeUndefined()
    expect(lines()).toMatchObject([
      {
        file: file.path,
        reason: expect.stringMatching(because),
        kept_as: `${file.path}.${why}`,
        message: expect.stringContaining('figures.json'),
      },
    ])
    expect(readFileSync(`${file.path}.${why}`)).toEqual(Buffer.from(bytes))
    expect(file.take(log)).toBeUndefined()
    expect(lines().length).toBe(1)
    await file.write(content)
    expect(file.take(log)).toEqual(content)
  })

  test('a folder in its place', async () => {
    const file = fileIn(temporaryFolder())
    mkdirSync(join(file.path, 'inner'), { recursive: true })
    const { log, lines } = listening()
    expect(file.take(log)).toBeUndefined()
    expect(lines()).toMatchObject([{ reason: 'it is not a file', kept_as: `${file.path}.unreadable` }])
    await file.write(content)
    expect(file.take(log)).toEqual(content)
  })

  test('a pipe in its place, without waiting for it', () => {
    const file = fileIn(temporaryFolder())
    Bun.spawnSync(['mkfifo', file.path])
    expect(file.take(listening().log)).toBeUndefined()
  })

  test('a link that leads nowhere is a missing file', async () => {
    const file = fileIn(temporaryFolder())
    symlinkSync('/nonexistent/figures.json', file.path)
    expect(file.read()).toEqual({ missing: true })
    await file.write(content)
    expect(file.read()).toEqual({ content })
  })
})

test('of those put aside the last two are kept', () => {
  const folder = temporaryFolder()
  const file = fileIn(folder)
  for (const text of ['one', 'two', 'three']) {
    writeFileSync(file.path, text)
    file.take(listening().log)
  }
  expect(readdirSync(folder).sort()).toEqual(['figures.json.damaged', 'figures.json.damaged.before'])
  expect(readFileSync(`${file.path}.damaged`, 'utf8')).toBe('three')
  expect(readFileSync(`${file.path}.damaged.before`, 'utf8')).toBe('two')
})

test('what a writer left that was killed goes with the next writing, and not what one is writing now', async () => {
  const folder = temporaryFolder()
  const file = fileIn(folder)
  for (const name of ['old', 'young']) writeFileSync(`${file.path}.${name}.new`, '{')
  utimesSync(`${file.path}.old.new`, 1, 1)
  await file.write(content)
  expect(readdirSync(folder).sort()).toEqual(['figures.json', 'figures.json.young.new'])
})

test('a file that cannot be written says why, and what was there stays', async () => {
  const file = fileIn(join(temporaryFolder(), 'missing'))
  expect(file.write(content)).rejects.toThrow(/ENOENT/)
})

describe('primary.json', () => {
  const path = () => join(temporaryFolder(), 'primary.json')
  const log = createLog('fatal', createLogRing(), false)

  test('of release 0.1.0 is read', () => {
    const file = followedFile(path(), log)
    writeFileSync(file.path, '{"system":"7519000000000000001","timeline":3}\n')
    expect(file.read()).toEqual({ system: '7519000000000000001', timeline: 3 })
  })

  test('never goes back to an earlier timeline of the same cluster', async () => {
    const [one, other] = [path()].flatMap((shared) => [followedFile(shared, log), followedFile(shared, log)])
    await one!.keep({ system: '1', timeline: 4 })
    expect(await other!.keep({ system: '1', timeline: 3 })).toBe(true)
    expect(one!.read()).toEqual({ system: '1', timeline: 4 })
  })

  test.each(['', '{', '{"system":"1","timeline":"2"}', '{"system":1,"timeline":2}', '{"system":"1","timeline":0}'])(
    'that says %p is put aside and written again',
    async (text) => {
      const file = followedFile(path(), log)
      writeFileSync(file.path, text)
      expect(file.read()).toBeUndefined()
      expect(readFileSync(`${file.path}.damaged`, 'utf8')).toBe(text)
      await file.keep({ system: '1', timeline: 2 })
      expect(file.read()).toEqual({ system: '1', timeline: 2 })
    },
  )
})
