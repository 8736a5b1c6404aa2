// The edge copy's file by itself: what is written is read again, and a file with other columns is put aside for a new one.
import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { COLUMNS, FORMAT, NAMES, rowOf } from '../../src/redirect/columns.ts'
import { buildEdgeCopy, openEdgeCopy } from '../../src/redirect/edge-copy.ts'
import { target } from '../target.ts'

const TARGETS = [
  target('one'),
  target('off', { id: 2, location: 'https://example.com/ü', active: false, version: 7 }),
  target('gone', { id: 2 ** 52, location: null, active: false, version: 2 }),
]

/** What `work` returns, and the lines that opening logged. */
function withFolder<T>(work: (folder: string, open: () => ReturnType<typeof openEdgeCopy>, said: unknown[]) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'waypost-copy-'))
  const said: unknown[] = []
  try {
    return work(folder, () => openEdgeCopy(folder, { error: (...line: unknown[]) => void said.push(line) }), said)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('what is written is read again, also from the file, and never replaced by an older version', () => {
  withFolder((_, open, said) => {
    const copy = open()
    copy.apply(TARGETS)
    copy.apply([
      { ...TARGETS[0]!, location: 'https://example.com/newer', version: 2 },
      { ...TARGETS[1]!, location: 'https://example.com/older', version: 6 },
    ])
    const expected = [{ ...TARGETS[0]!, location: 'https://example.com/newer', version: 2 }, TARGETS[1], TARGETS[2], undefined]
    const read = (from: typeof copy) => ['one', 'off', 'gone', 'never'].map(from.get)
    expect(read(copy)).toEqual(expected)
    copy.close()
    const again = open()
    expect(read(again)).toEqual(expected)
    again.close()
    expect(said).toEqual([])
  })
})

test('its tables are those of its format: with other columns it needs another user_version, and these lines', () => {
  withFolder((folder, open) => {
    open().close()
    const file = new Database(join(folder, 'edge.sqlite'))
    const { user_version } = file.query('pragma user_version').get() as { user_version: number }
    const tables = file.query("select sql from sqlite_master where type = 'table' order by name").values().flat()
    file.close()
    expect([user_version, FORMAT, ...tables]).toEqual([
      2,
      2,
      `CREATE TABLE links (
    code text primary key, id integer not null, location text, active integer not null, version integer not null, extra text) without rowid`,
      'CREATE TABLE position (one integer primary key check (one = 1), identity text not null, snapshot text not null, at integer not null)',
    ])
  })
})

test('a file of an earlier release, whose links have no rules, is used until it is rebuilt', () => {
  withFolder((folder, open, said) => {
    const old = new Database(join(folder, 'edge.sqlite'))
    old.run(`CREATE TABLE links (
    code text primary key, id integer not null, location text, active integer not null, version integer not null) without rowid`)
    old.run(
      'CREATE TABLE position (one integer primary key check (one = 1), identity text not null, snapshot text not null, at integer not null)',
    )
    old.run("insert into links values ('one', 1, 'https://example.com/one', 1, 1)")
    old.run("insert into position values (1, 'a', '1:1:', 1)")
    old.close()
    for (const _ of ['after the upgrade', 'after a restart without the database']) {
      const copy = open()
      expect([copy.get('one'), copy.position()?.identity, copy.outdated()]).toEqual([TARGETS[0], 'a', true])
      copy.close()
    }
    const built = buildEdgeCopy(join(folder, 'built.sqlite'))
    built.add(TARGETS)
    built.finish({ identity: 'a', snapshot: '2:2:', at: 2 })
    const copy = open()
    copy.swap(join(folder, 'built.sqlite'), false)
    expect([copy.get('one'), copy.outdated()]).toEqual([TARGETS[0], false])
    copy.close()
    expect(said).toEqual([])
  })
})

test.each([
  ['a column more', 'alter table links add column expires integer'],
  ['a column less', 'alter table links drop column active'],
])('a file with %s is put aside, and a new one begun', (_, change) => {
  withFolder((folder, open, said) => {
    const before = open()
    before.apply(TARGETS, { identity: 'a', snapshot: '1:1:', at: 1 })
    before.close()
    const file = new Database(join(folder, 'edge.sqlite'))
    file.run(change)
    file.close()
    const copy = open()
    expect([copy.get('one'), copy.position(), copy.knowsLinks()]).toEqual([undefined, undefined, false])
    copy.close()
    expect(readdirSync(folder)).toContain('edge.sqlite.older')
    expect(said.length).toBe(1)
  })
})

test('a row is one only where each column is there and of its kind', () => {
  const [row, off] = TARGETS
  expect(TARGETS.map((one) => rowOf(one.code, one))).toEqual(TARGETS)
  expect(rowOf('one', { ...row, active: 1 })).toEqual(row)
  expect(rowOf('off', { ...off, active: 0 })).toEqual(off)
  expect(rowOf('one', { ...row, extra: undefined })).toEqual({ ...row!, extra: null }) // of release 0.1.0
  for (const name of NAMES.filter((name) => name !== 'code')) {
    if (name !== 'extra') expect([name, rowOf('one', { ...row, [name]: undefined })]).toEqual([name, undefined])
    expect([name, rowOf('one', { ...row, [name]: {} })]).toEqual([name, undefined])
    expect([name, rowOf('one', { ...row, [name]: null }) !== undefined]).toEqual([name, 'nullable' in COLUMNS[name]])
  }
  for (const wrong of [{ active: 2 }, { active: 'yes' }, { id: 1.5 }, { version: '1' }])
    expect(rowOf('one', { ...row, ...wrong })).toBeUndefined()
})

test('links are found in any case where that is asked for; the index is made and dropped, and the file stays the same', () => {
  withFolder((folder, _, said) => {
    const open = (anyCase: boolean) => openEdgeCopy(folder, { error: (...line: unknown[]) => void said.push(line) }, anyCase)
    const indexes = () => {
      const file = new Database(join(folder, 'edge.sqlite'))
      const names = file.query("select name from sqlite_master where type = 'index' and sql is not null").values().flat()
      file.close()
      return names
    }
    const spelt = ['Sale', 'SALE', 'other', 'Ünder', 'ünder'].map((code, id) => target(code, { id }))
    const first = open(false)
    first.apply(spelt)
    first.close()
    expect(indexes()).toEqual([])
    for (const anyCase of [true, false, true]) {
      const copy = open(anyCase)
      if (anyCase)
        for (const [key, codes] of [
          ['sale', ['SALE', 'Sale']],
          ['other', ['other']],
          ['Ünder', ['Ünder']], // only A to Z have another case
          ['none', []],
        ] as const)
          expect([
            key,
            copy
              .inAnyCase(key)
              .map(({ code }) => code)
              .toSorted(),
          ]).toEqual([key, [...codes]])
      expect(copy.get('Sale')).toEqual(spelt[0]!)
      copy.close()
      expect(indexes()).toEqual(anyCase ? ['links_in_lower_case'] : [])
    }
    const built = buildEdgeCopy(join(folder, 'edge.sqlite'), true)
    built.add(spelt)
    built.finish({ identity: 'a', snapshot: '1:1:', at: 1 })
    expect(indexes()).toEqual(['links_in_lower_case'])
    expect(said).toEqual([])
  })
})
