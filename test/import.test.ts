// Importing CSV: what is refused and in which words, what is kept, and that a second time changes nothing.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../src/base/problem.ts'
import type { Database } from '../src/database/guard.ts'
import type { OpenDatabase } from '../src/database/open.ts'
import { type CsvFile, inMemory } from '../src/import/csv-file.ts'
import { demoFiles } from '../src/import/demo.ts'
import { eventSource } from '../src/import/events.ts'
import { importFiles, importFolder, seedIfEmpty } from '../src/import/folder.ts'
import { linkSource } from '../src/import/links.ts'
import { importAll, importFile as importCsv } from '../src/import/load.ts'
import type { Source } from '../src/import/source.ts'
import { userSource } from '../src/import/users.ts'
import { measureCommand } from './child.ts'
import { anyDatabase, databases, quiet } from './databases.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn } from './server.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
/** The rows of a file, however it is given. */
const readAll = async (source: Source, file: Uint8Array) => (await Array.fromAsync(source.read(inMemory(file)))).flat()
const latin = (text: string) => Buffer.from(text, 'latin1')
const utf16 = (text: string) => Buffer.from(text, 'utf16le')
const importFile = (database: OpenDatabase, source: Source, file: Uint8Array) => importCsv(database, source, inMemory(file))
const rowsOf = (database: Database, query: string) => database.run((sql) => sql.unsafe(query)).then((rows) => [...rows] as any[])
const one = async (database: Database, query: string) => Object.values((await rowsOf(database, query))[0])[0] as any

/** What imports left behind. */
const LEFT = `select (select count(*) from imports) + (select count(*) from pg_class where relname ~ '^import_[a-z]+_[0-9]+$')`

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  const error = await work.then(
    () => undefined,
    (thrown) => thrown,
  )
  expect(error).toBeInstanceOf(Problem)
  expect(error.status).toBe(400)
  return error
}

describe('bad files', () => {
  const user = 'username,email\n'
  const link = 'short_code,original_url\n'
  const event = 'event_type,timestamp,details\n'
  const cases: [name: string, source: Source, file: string | Uint8Array, text: string][] = [
    ['empty', userSource, '', 'the file is empty: its first row must name the columns'],
    ['only a BOM', userSource, '\ufeff', 'the file is empty: its first row must name the columns'],
    ['no header', userSource, 'ada,ada@example.com\n', 'row 1, column username: is missing: the first row must name the columns'],
    [
      'a missing column',
      userSource,
      'id,username\n1,ada\n',
      'row 1, column email: is missing: the first row must name the columns',
    ],
    ['a column twice', userSource, 'email,username,email\n', 'row 1, column email: appears twice in the header'],
    ['a short row', userSource, `${user}ada\n`, 'row 2: has 1 field, but the header has 2'],
    ['a long row', userSource, `${user}ada,a@example.com,x\n`, 'row 2: has 3 fields, but the header has 2'],
    [
      'not UTF-8',
      userSource,
      new Uint8Array([...bytes(user), 0xff, 0xfe, 0x2c]),
      'row 2: must be UTF-8 text: the byte 0xFF at 15 is not. Save the file as “CSV UTF-8”',
    ],
    [
      'a cut character',
      userSource,
      new Uint8Array([...bytes(`${user}ada,a@example.com\n`), 0xc3]),
      'row 3: must be UTF-8 text: the byte 0xC3 at 33 is not. Save the file as “CSV UTF-8”',
    ],
    [
      'Latin-1 far behind the first slice, and behind quoted line breaks',
      userSource,
      Buffer.concat([
        bytes(`${user}"a\nb",a@example.com\n`),
        Buffer.alloc(130_000, 'ada,a@example.com\n'),
        Buffer.from('J\xfcrgen,j@example.com\n', 'latin1'),
      ]),
      'row 7225: must be UTF-8 text: the byte 0xFC at 130036 is not. Save the file as “CSV UTF-8”',
    ],
    [
      'sep= with a letter',
      userSource,
      `sep=x\n${user}`,
      'the file has an unknown separator after sep=: use a comma, semicolon, tab or bar',
    ],
    ['rows below sep=', userSource, `sep=;\r\nusername;email\r\nbob;bob\r\n`, 'row 3, column email: must be an e-mail address'],
    [
      'rows by semicolon',
      userSource,
      `email;username\nbob@example.com;bob\nbob;bob\n`,
      'row 3, column email: must be an e-mail address',
    ],
    ['NUL', userSource, `${user}a\0da,a@example.com\n`, 'row 2, column username: must not contain a NUL character'],
    ['an open quote', userSource, `${user}"ada,a@example.com\n`, 'row 2: has a quote that is never closed'],
    [
      'a stray quote',
      userSource,
      `${user}a"da,a@example.com\n`,
      'row 2: has a quote inside a field: the field must be quoted, and the quote doubled',
    ],
    [
      'an endless row',
      userSource,
      `${user}"${'x'.repeat(2 ** 21)}\n`,
      'row 2: is longer than 1048576 bytes, perhaps because a quote is never closed',
    ],
    [
      'blank rows count',
      userSource,
      `${user}ada,a@example.com\n\n,\nbob,bob\n`,
      'row 5, column email: must be an e-mail address',
    ],
    [
      'quoted newlines do not',
      userSource,
      `${user}"a\nb",a@example.com\nbob,bob\n`,
      'row 3, column email: must be an e-mail address',
    ],
    ['a blank username', userSource, `${user}  ,a@example.com\n`, 'row 2, column username: is required'],
    [
      'a long username',
      userSource,
      `${user}${'u'.repeat(65)},a@example.com\n`,
      'row 2, column username: must have 1 to 64 characters',
    ],
    ...['abc', '1.5', '-1', '1e3', '0x1', 'true'].map((id): (typeof cases)[number] => [
      `id ${id}`,
      userSource,
      `id,${user}${id},ada,a@example.com\n`,
      'row 2, column id: must be a whole number',
    ]),
    ...['0', '4503599627370497', '9223372036854775807'].map((id): (typeof cases)[number] => [
      `id ${id}`,
      userSource,
      `id,${user}${id},ada,a@example.com\n`,
      'row 2, column id: must be from 1 to 4503599627370496',
    ]),
    [
      'an id twice',
      userSource,
      `id,${user}7,ada,a@example.com\n7,bob,b@example.com\n`,
      'row 3, column id: is also that of row 2',
    ],
    ...[
      'yesterday',
      '2025-02-30 10:00:00',
      '2025-13-01',
      '2025-01-01 24:00:00',
      '2025-01-01 10:61:00',
      '01/02/2025',
      '0000-01-01',
    ].map((time): (typeof cases)[number] => [
      `time ${time}`,
      userSource,
      `created_at,${user}${time},ada,a@example.com\n`,
      'row 2, column created_at: must be a time such as 2025-09-19 22:25:05',
    ]),
    ['no target', linkSource, `${link}abc,\n`, 'row 2, column original_url: is required'],
    [
      'javascript:',
      linkSource,
      `${link}abc,javascript:alert(1)\n`,
      'row 2, column original_url: must be an http or https URL with a host',
    ],
    [
      'a bad code',
      linkSource,
      `${link}a//b,https://example.com\n`,
      'row 2, column short_code: must not begin or end with a slash, nor contain // or a part that is only dots',
    ],
    [
      "a route's word",
      linkSource,
      `${link}Metrics,https://example.com\n`,
      'row 2, column short_code: is reserved by Waypost: choose another code',
    ],
    [
      'a code twice',
      linkSource,
      `${link}abc,https://example.com/1\nabc,https://example.com/2\n`,
      'row 3, column short_code: is also that of row 2, with another target',
    ],
    [
      'a link id twice',
      linkSource,
      `id,${link}1,abc,https://example.com\n1,abd,https://example.com\n`,
      'row 3, column id: is also that of row 2',
    ],
    ['a flag', linkSource, `is_active,${link}maybe,abc,https://example.com\n`, 'row 2, column is_active: must be True or False'],
    [
      'a title',
      linkSource,
      `title,${link}${'t'.repeat(501)},abc,https://example.com\n`,
      'row 2, column title: must have at most 500 characters',
    ],
    ['no time', eventSource, `${event}click,,{}\n`, 'row 2, column timestamp: is required'],
    ['a list', eventSource, `${event}click,2025-01-01,[]\n`, 'row 2, column details: must be a JSON object'],
    ['no JSON', eventSource, `${event}click,2025-01-01,{'a':1}\n`, 'row 2, column details: must be a JSON object'],
    [
      'NUL in JSON',
      eventSource,
      `${event}click,2025-01-01,"{""a"":""\\u0000""}"\n`,
      'row 2, column details: must not contain a NUL character',
    ],
    [
      'deep JSON',
      eventSource,
      `${event}click,2025-01-01,${'{"a":'.repeat(70).replaceAll('"', '').replaceAll('a', '""a""').replace(/^/, '"')}1${'}'.repeat(70)}"\n`,
      'row 2, column details: must not be nested more than 64 levels deep',
    ],
  ]
  test.each(cases)('%s', async (_, source, file, text) => {
    const problem = await problemOf(readAll(source, typeof file === 'string' ? bytes(file) : file))
    expect(problem.message).toBe(text)
    expect(problem.details![0]!.field).toBe(
      /^(.*?)(: | is empty| must be UTF| has an unknown separator)/.exec(text)![1]!.replace('the file', 'file'),
    )
  })

  test.each<[name: string, file: string | Uint8Array]>([
    ['commas', 'username,email\nJürgen,j@example.com\n'],
    ['semicolons', 'username;email\nJürgen;j@example.com\n'],
    ['tabs', 'username\temail\nJürgen\tj@example.com\n'],
    ['bars', 'username|email\nJürgen|j@example.com\n'],
    ['semicolons, and commas in what nobody asked for', '"a, b, c, d";Username; EMAIL \nx;Jürgen;j@example.com\n'],
    ['quoted separators', '"username";"email";"note; with, all\tof|them"\n"Jürgen";"j@example.com";"a;b,c"\n'],
    ['sep=;', 'sep=;\r\nusername;email\r\nJürgen;j@example.com\r\n'],
    ['sep=, quoted, with a BOM', '\ufeff"sep=,"\nusername,email\nJürgen,j@example.com\n'],
    ['SEP= and a tab', 'SEP=\t\nusername\temail\nJürgen\tj@example.com\n'],
    ['sep=|', 'sep=|\rusername|email\rJürgen|j@example.com\r'],
    ['CR alone', 'username,email\rJürgen,j@example.com\r'],
    ['every line end', '\r\nusername,email\nJürgen,j@example.com\r\n\n \r'],
    ['no line end', 'username,email\nJürgen,j@example.com'],
    ['UTF-16, little-endian', utf16('\ufeffusername\temail\r\nJürgen\tj@example.com\r\n')],
    ['UTF-16, big-endian', utf16('\ufeffusername,email\r\nJürgen,j@example.com\r\n').swap16()],
    ['UTF-16 without a mark', utf16('username;email\nJürgen;j@example.com\n')],
  ])('a file with %s is read', async (_, file) => {
    const rows = await readAll(userSource, typeof file === 'string' ? bytes(file) : file)
    expect(rows).toMatchObject([{ username: 'Jürgen', email: 'j@example.com' }])
  })

  test('names lose the blanks around them, and have each letter in one form', async () => {
    const rows = await readAll(userSource, bytes('username,email\n" Zoe\u0308\u00a0"," zoe@example.com "\n'))
    expect(rows).toMatchObject([{ username: 'Zo\u00eb', email: 'zoe@example.com' }])
  })

  test('a line end at the end of each slice is one', async () => {
    for (const padding of [65_530, 65_531, 65_532, 65_533, 65_534, 65_535, 65_536]) {
      const head = `username,email\r\n"${'x'.repeat(50)}",x@example.com\r\n`
      const filler = `bob,${'b'.repeat(40)}@example.com\r\n`
      const rows = Math.floor((padding - head.length - 64) / filler.length)
      const rest = padding - head.length - rows * filler.length
      const file = `${head}${filler.repeat(rows)}bob,${'b'.repeat(rest - 4 - '@example.com'.length)}@example.com\r\neve,eve@example.com\r\n`
      const read = await readAll(userSource, bytes(file))
      expect([padding, read.length, read.at(-1)]).toMatchObject([padding, rows + 3, { username: 'eve', line: rows + 4 }])
    }
  })

  test('twenty bad rows are named, no more', async () => {
    const problem = await problemOf(readAll(userSource, bytes(user + 'x,y\n'.repeat(30))))
    expect(problem.details).toHaveLength(20)
    expect(problem.details![19]!.field).toBe('row 21, column email')
  })
})

describe('what is understood', () => {
  test('BOM, CRLF, quoted newlines, unknown and absent columns, any order', async () => {
    const rows = await readAll(
      linkSource,
      bytes(
        '\ufeffextra,TITLE, original_url ,is_active,created_at,short_code\r\n,"two\nlines, ""quoted""",https://example.com/a b,False,2025-09-19 22:25:05,007\r\n,,https://example.com,,,x\r\n',
      ),
    )
    expect(rows).toMatchObject([
      {
        line: 2,
        title: 'two\nlines, "quoted"',
        original_url: 'https://example.com/a b',
        location: 'https://example.com/a%20b',
        is_active: false,
        created_at: '2025-09-19T22:25:05.000Z',
        short_code: '007',
        user_id: null,
      },
      { line: 3, title: null, location: null, is_active: true, created_at: null, short_code: 'x' },
    ])
  })

  test.each([
    ['2025-09-19 22:25:05', '2025-09-19T22:25:05.000Z'],
    ['2025-09-19T22:25:05Z', '2025-09-19T22:25:05.000Z'],
    ['2025-09-19T22:25:05.123456+02:00', '2025-09-19T20:25:05.123Z'],
    ['2025-09-19 22:25:05-0530', '2025-09-20T03:55:05.000Z'],
    ['2025-09-19 22:25+01', '2025-09-19T21:25:00.000Z'],
    ['2025-09-19 22:25:05.1', '2025-09-19T22:25:05.100Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ])('the time %s', async (text, time) => {
    const [row] = await readAll(userSource, bytes(`username,email,created_at\nada,ada@example.com,${text}\n`))
    expect(row!.created_at).toBe(time)
  })

  test('codes are created if there are none', async () => {
    const rows = await readAll(linkSource, bytes(`original_url\n${'https://example.com\n'.repeat(500)}`))
    expect(new Set(rows.map(({ short_code }) => short_code)).size).toBe(500)
  })

  test('a header alone is no rows', async () => expect(await readAll(userSource, bytes('username,email\n'))).toEqual([]))
})

test('the demo is the same each time, and reads well', async () => {
  const [first, second] = [demoFiles(), demoFiles()]
  expect(first).toEqual(second)
  const read = await Promise.all([userSource, linkSource, eventSource].map((source) => readAll(source, first[source.file]!)))
  expect(read.map((rows) => rows.length)).toEqual([400, 2000, 3500])
  const hosts = read[1]!.map(({ original_url }) => new URL(original_url as string).hostname)
  expect(hosts.filter((host) => !/\.example\.(com|org|net)$/.test(host))).toEqual([])
})

/** So many that indexes are built afterwards. */
const MANY = 50_000

describe.each(databases)('on the $name database', (kind) => {
  const opened: OpenDatabase[] = []
  const open = async () => {
    const database = await kind.open()
    opened.push(database)
    return database
  }
  afterAll(() => Promise.all(opened.map((database) => database.close())))

  test('users: ids kept or newly assigned, duplicates kept, once only', async () => {
    const database = await open()
    await database.run((sql) => sql`select * from create_user('first', 'first@example.com')`)
    const file = bytes(
      'id,username,email,created_at\n1,ada,ada@example.com,2025-01-01 10:00:00\n50,ada,ADA@example.com,2025-01-02 10:00:00\n,ada,ada@example.com,\n51,ada,ada@example.com,2025-01-02 10:00:00\n',
    )
    for (let time = 0; time < 3; time++) {
      expect(await importFile(database, userSource, file)).toEqual({ imported: 4, count: 4 })
      expect(await rowsOf(database, 'select id, username from users order by id')).toEqual([
        { id: 1, username: 'first' },
        { id: 50, username: 'ada' },
        { id: 51, username: 'ada' },
        { id: 52, username: 'ada' },
        { id: 53, username: 'ada' },
      ])
    }
    expect(await one(database, `select id from create_user('next', 'next@example.com')`)).toBe(54)
    expect(await one(database, LEFT)).toBe(0)
  })

  test('users: a renamed one is still there, a low file does not move the sequence back', async () => {
    const database = await open()
    await importFile(database, userSource, bytes('id,username,email,created_at\n90,ada,ada@example.com,2025-01-01 10:00:00\n'))
    await database.run((sql) => sql`update users set username = 'lady', email = 'lady@example.com' where id = 90`)
    await importFile(database, userSource, bytes('id,username,email,created_at\n90,ada,ada@example.com,2025-01-01 10:00:00\n'))
    await importFile(database, userSource, bytes('id,username,email\n3,bob,bob@example.com\n3000,bea,bea@example.com\n'))
    expect(await rowsOf(database, 'select id, username from users order by id')).toEqual([
      { id: 3, username: 'bob' },
      { id: 90, username: 'lady' },
      { id: 3000, username: 'bea' },
    ])
    await importFile(database, userSource, bytes('id,username,email\n5,cem,cem@example.com\n'))
    expect(await one(database, `select id from create_user('next', 'next@example.com')`)).toBe(3001)
    await importFile(database, userSource, bytes(`username,email\n${'eve,eve@example.com\n'.repeat(3)}`))
    await importFile(database, userSource, bytes(`username,email\n${'eve,eve@example.com\n'.repeat(5)}`))
    expect(await one(database, `select count(*) from users where username = 'eve'`)).toBe(5)
  })

  test('links: codes, users, deleted ones, once only', async () => {
    const database = await open()
    await importFile(database, userSource, bytes('id,username,email\n1,ada,ada@example.com\n'))
    const file = bytes(
      'id,user_id,short_code,original_url,title,is_active,created_at,updated_at\n7,1,528279,https://example.com/ü,T,False,2025-01-01 10:00:00,2025-01-02 10:00:00\n7,1,528279,https://example.com/ü,T,False,2025-01-01 10:00:00,\n,,abc,https://example.com/2,,,,\n,1,,https://example.com/3,,,,\n,1,,https://example.com/3,,,,\n9,,,https://example.com/4,,,,\n',
    )
    for (let time = 0; time < 3; time++) {
      expect(await importFile(database, linkSource, file)).toEqual({ imported: 6, count: 6 })
      expect(await rowsOf(database, 'select id, user_id, original_url from urls order by id')).toEqual([
        { id: 7, user_id: 1, original_url: 'https://example.com/ü' },
        { id: 9, user_id: null, original_url: 'https://example.com/4' },
        { id: 10, user_id: null, original_url: 'https://example.com/2' },
        { id: 11, user_id: 1, original_url: 'https://example.com/3' },
        { id: 12, user_id: 1, original_url: 'https://example.com/3' },
      ])
    }
    expect(
      await rowsOf(database, 'select short_code, location, title, is_active, created_at, updated_at from urls where id = 7'),
    ).toEqual([
      {
        short_code: '528279',
        location: 'https://example.com/%C3%BC',
        title: 'T',
        is_active: false,
        created_at: '2025-01-01T10:00:00Z',
        updated_at: '2025-01-02T10:00:00Z',
      },
    ])
    expect(await one(database, 'select count(*) from events')).toBe(0)

    const again = (target: string, id: string) =>
      importFile(database, linkSource, bytes(`id,short_code,original_url\n${id},528279,${target}\n`))
    await again('https://example.com/changed', '7')
    expect((await problemOf(again('https://example.com/other', ''))).message).toBe(
      'row 2, column short_code: is taken by another link',
    )
    await database.run((sql) => sql`update urls set deleted_at = now(), original_url = null where id = 7`)
    await again('https://example.com/changed', '7')
    expect((await problemOf(again('https://example.com/changed', '8'))).message).toBe(
      'row 2, column short_code: is taken by a deleted link',
    )
    expect(await one(database, 'select count(*) from urls where deleted_at is null')).toBe(4)

    const unknown = importFile(
      database,
      linkSource,
      bytes('user_id,short_code,original_url\n,new,https://example.com\n99,newer,https://example.com\n'),
    )
    expect((await problemOf(unknown)).message).toBe('row 3, column user_id: must be the id of a user: 99 does not exist')
    expect(await one(database, `select count(*) from urls where short_code like 'new%'`)).toBe(0)
    expect(await one(database, LEFT)).toBe(0)
  })

  test('events: as many as the file has, clicks counted once', async () => {
    const database = await open()
    await importFile(database, userSource, bytes('id,username,email\n1,ada,ada@example.com\n'))
    await importFile(
      database,
      linkSource,
      bytes('id,short_code,original_url\n1,abc,https://example.com/1\n2,abd,https://example.com/2\n'),
    )
    const click = (id: string, second: string) =>
      `${id},1,1,click,2025-03-01 10:${second},"{""referrer"":""https://News.example.org/x""}"\n`
    const file = bytes(
      `id,url_id,user_id,event_type,timestamp,details\n5,1,,created,2025-01-01 10:00:00,\n${click('6', '00:00')}${click('6', '00:00')}${click('', '20:00')}600000000000000,,,note,2025-01-01,\n,2,,click,2025-03-01 10:00:00,"{""referer"":""forum.example.net""}"\n`,
    )
    for (let time = 0; time < 3; time++) {
      expect(await importFile(database, eventSource, file)).toEqual({ imported: 6, count: 6 })
      expect(await rowsOf(database, 'select id from events order by id')).toEqual([5, 6, 10, 11, 12, 13].map((id) => ({ id })))
      expect(await rowsOf(database, 'select url_id, clicks, last_click from link_totals order by 1')).toEqual([
        { url_id: 1, clicks: 3, last_click: '2025-03-01T10:20:00Z' },
        { url_id: 2, clicks: 1, last_click: '2025-03-01T10:00:00Z' },
      ])
      expect(await rowsOf(database, 'select bucket, clicks from click_series where url_id = 1 order by 1')).toEqual([
        { bucket: '2025-03-01T10:00:00Z', clicks: 2 },
        { bucket: '2025-03-01T10:15:00Z', clicks: 1 },
      ])
      expect(await rowsOf(database, 'select url_id, dimension, value, clicks from click_breakdowns order by 1')).toEqual([
        { url_id: 1, dimension: 'referrer', value: 'news.example.org', clicks: 3 },
        { url_id: 2, dimension: 'referrer', value: 'forum.example.net', clicks: 1 },
      ])
    }
    expect(await one(database, `select tableoid::regclass::text from events where id = 5`)).toBe('events_imported')
    await importFile(
      database,
      eventSource,
      bytes(`id,url_id,user_id,event_type,timestamp,details\n${click('', '00:00').repeat(3)}`),
    )
    expect(await one(database, 'select clicks from link_totals where url_id = 1')).toBe(4)

    const unknown = await problemOf(
      importFile(database, eventSource, bytes('url_id,user_id,event_type,timestamp\n9,,click,2025-01-01\n,9,click,2025-01-01\n')),
    )
    expect(unknown.details).toEqual([
      { field: 'row 2, column url_id', message: 'must be the id of a link: 9 does not exist' },
      { field: 'row 3, column user_id', message: 'must be the id of a user: 9 does not exist' },
    ])
    await database.run((sql) => sql`update urls set deleted_at = now(), purged_at = now() where id = 2`)
    await database.run((sql) => sql`delete from events where url_id = 2`)
    await importFile(database, eventSource, file)
    expect(await one(database, 'select count(*) from events where url_id = 2')).toBe(0)
  })

  test('more than 200 referrers a link and day become (other)', async () => {
    const database = await open()
    await importFile(database, linkSource, bytes('id,short_code,original_url\n1,abc,https://example.com/1\n'))
    const clicks = (from: number) =>
      bytes(
        `url_id,event_type,timestamp,details\n${Array.from({ length: 150 }, (_, n) => `1,click,2025-03-01,"{""referrer"":""h${from + n}.example.org""}"\n`).join('')}`,
      )
    await importFile(database, eventSource, clicks(0))
    await importFile(database, eventSource, clicks(100))
    expect(await one(database, `select count(*) from click_breakdowns where value <> '(other)'`)).toBe(200)
    expect(await one(database, 'select sum(clicks)::bigint from click_breakdowns')).toBe(300 - 50)
    expect(await one(database, 'select clicks from link_totals')).toBe(250)
  })

  test('a folder: references follow new ids; a bad row anywhere and nothing is imported', async () => {
    const database = await open()
    await database.run((sql) => sql`select * from create_user('first', 'first@example.com')`)
    await database.run((sql) => sql`insert into urls (short_code, original_url) values ('first', 'https://example.com')`)
    const folder = temporaryFolder()
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
    expect((await problemOf(importFolder(database, folder))).message).toBe(
      `${folder} must contain at least one of users.csv, urls.csv, events.csv`,
    )
    write('users.csv', 'id,username,email,created_at\n1,ada,ada@example.com,2025-01-01\n2,bob,bob@example.com,2025-01-01\n')
    write(
      'urls.csv',
      'id,user_id,short_code,original_url\n1,1,abc,https://example.com/1\n2,2,abd,https://example.com/2\n77,2,abd,https://example.com/2\n',
    )
    write(
      'events.csv',
      'id,url_id,user_id,event_type,timestamp\n1,1,1,click,2025-01-01\n2,2,2,click,2025-01-01\n3,77,9,click,2025-01-01\n',
    )
    expect((await problemOf(importFolder(database, folder))).message).toBe(
      'events.csv: row 4, column user_id: must be the id of a user: 9 does not exist',
    )
    expect(await rowsOf(database, 'select (select count(*) from users) as users, (select count(*) from urls) as urls')).toEqual([
      { users: 1, urls: 1 },
    ])
    write(
      'events.csv',
      'id,url_id,user_id,event_type,timestamp\n1,1,1,click,2025-01-01\n2,2,2,click,2025-01-01\n3,77,1,click,2025-01-01\n',
    )
    for (let time = 0; time < 2; time++) {
      const seen: number[] = []
      expect(await importFolder(database, folder, { progress: (share) => seen.push(share) })).toEqual({
        users: 2,
        links: 3,
        events: 3,
      })
      expect(seen.at(-1)).toBe(1)
      expect(await rowsOf(database, `select id, username from users where username <> 'first' order by username`)).toEqual([
        { id: 4, username: 'ada' }, // 3 went to the import that was refused
        { id: 2, username: 'bob' },
      ])
      expect(await rowsOf(database, `select id, user_id, short_code from urls where short_code <> 'first' order by 3`)).toEqual([
        { id: 79, user_id: 4, short_code: 'abc' },
        { id: 2, user_id: 2, short_code: 'abd' },
      ])
      expect(await rowsOf(database, 'select url_id, user_id from events order by id')).toEqual([
        { url_id: 79, user_id: 4 },
        { url_id: 2, user_id: 2 },
        { url_id: 2, user_id: 4 },
      ])
    }
    expect(await seedIfEmpty(database, folder, quiet().log)).toBeUndefined()
  })

  test('the demo fills an empty database, also from several sides at once', async () => {
    const database = await open()
    const folder = temporaryFolder()
    for (const [name, file] of Object.entries(demoFiles())) writeFileSync(join(folder, name), file)
    const { log } = quiet()
    await Promise.all([
      seedIfEmpty(database, folder, log),
      seedIfEmpty(database, folder, log),
      importFiles(database, Object.fromEntries(Object.entries(demoFiles()).map(([name, file]) => [name, inMemory(file)]))),
    ])
    expect(
      await rowsOf(
        database,
        'select (select count(*) from users) as u, (select count(*) from urls) as l, (select count(*) from events) as e',
      ),
    ).toEqual([{ u: 400, l: 2000, e: 3500 }])
    expect(await one(database, `select sum(clicks)::bigint from link_totals`)).toBe(460)
  })

  test('a code that was created for a row gives way to a later row that has it', async () => {
    const database = await open()
    let created = ''
    /** The second half of the file has the code that its second row got. */
    const file: CsvFile = {
      size: 100_000,
      async *slices() {
        yield bytes(`short_code,original_url\n${',https://example.com/made\n'.repeat(4_000)}`)
        yield bytes(`${created},https://example.com/own\n`)
      },
    }
    const source: Source = {
      ...linkSource,
      async *read(...given) {
        for await (const rows of linkSource.read(...given)) {
          created ||= rows[0]!.short_code as string
          yield rows
        }
      },
    }
    expect(await importCsv(database, source, file)).toEqual({ imported: 4_001, count: 4_001 })
    expect(await rowsOf(database, `select original_url from urls where short_code = '${created}'`)).toEqual([
      { original_url: 'https://example.com/own' },
    ])
    expect(await one(database, `select count(*) from urls where original_url = 'https://example.com/made'`)).toBe(4_000)
  })

  test('many links at once: the same rows, and every index afterwards', async () => {
    const database = await open()
    const indexes = () =>
      rowsOf(
        database,
        `select indexrelid::regclass::text as name, indisvalid as valid from pg_index where indrelid = 'urls'::regclass order by 1`,
      )
    const before = await indexes()
    const links = Array.from({ length: MANY }, (_, n) => `${n + 10},many-${n},https://example.com/${n}\n`)
    const file = inMemory(bytes(`id,short_code,original_url\n${links.join('')}`))
    const built: Promise<void>[] = []
    const imported = await importAll(database, [{ source: linkSource, file }], { indexing: (end) => built.push(end) })
    expect([imported, built.length]).toEqual([[MANY], kind.name === 'external' ? 1 : 0])
    await Promise.all(built)
    expect(await indexes()).toEqual(before)
    expect(
      await rowsOf(
        database,
        'select count(*) as n, min(id) as lowest, max(id) as highest, count(distinct short_code) as codes from urls',
      ),
    ).toEqual([{ n: MANY, lowest: 10, highest: MANY + 9, codes: MANY }])
    const taken = [...links, `,many-1,https://example.com/another\n`]
    const refused = inMemory(bytes(`id,short_code,original_url\n${taken.join('')}`))
    expect((await problemOf(importCsv(database, linkSource, refused))).message).toBe(
      `row ${MANY + 2}, column short_code: is also that of row 3, with another target`,
    )
    expect(await indexes()).toEqual(before)
    expect(await one(database, LEFT)).toBe(0)
  })

  test('what a killed import left behind goes with the next one', async () => {
    const database = await open()
    await database.run((sql) => sql`insert into imports (started_at) values (now() - interval '2 hours')`)
    await database.run(
      (sql) =>
        sql`do $$ begin execute (select format('create unlogged table import_users_%s (line int)', max(id)) from imports); end $$`,
    )
    await importFile(database, userSource, bytes('username,email\nada,ada@example.com\n'))
    expect(await one(database, LEFT)).toBe(0)
  })

  describe('POST /users/bulk and /urls/bulk', () => {
    const folder = temporaryFolder()
    let server: Awaited<ReturnType<typeof serveOn>>
    beforeAll(async () => {
      mkdirSync(join(folder, 'seed'))
      writeFileSync(join(folder, 'seed/more.csv'), 'username,email\nada,ada@example.com\nada,ada@example.com\n')
      writeFileSync(join(folder, 'outside.csv'), 'username,email\neve,eve@example.com\n')
      symlinkSync(join(folder, 'outside.csv'), join(folder, 'seed/link.csv'))
      symlinkSync('more.csv', join(folder, 'seed/inside.csv'))
      mkdirSync(join(folder, 'seed/folder.csv'))
      server = await serveOn(kind, { SEED_DIR: join(folder, 'seed') })
    })
    afterAll(() => server.stop())

    const form = (text: string, field = 'file') => {
      const made = new FormData()
      made.append(field, new File([text], 'any.csv', { type: 'text/csv' }))
      return made
    }

    test('a file is imported, uploaded or named', async () => {
      expect(await server.post('/users/bulk', { file: 'more.csv' })).toMatchObject({
        status: 201,
        body: { imported: 2, count: 2 },
      })
      expect(await server.post('/users/bulk', { file: 'inside.csv' })).toMatchObject({
        status: 201,
        body: { imported: 2, count: 2 },
      })
      expect((await server.get('/users')).body).toHaveLength(2)
      const links = form('short_code,original_url\nabc,https://example.com/a\n')
      expect(await server.post('/urls/bulk', links)).toMatchObject({ status: 201, body: { imported: 1, count: 1 } })
      expect((await server.get('/urls')).headers.get('x-total-count')).toBe('1')
      expect((await server.get('/abc')).status).toBe(302)
    })

    test.each([
      ['a bad row', () => form('username,email\nbob,bob\n'), 400, 'row 2, column email'],
      ['no file', () => form('username,email\n', 'other'), 400, 'file'],
      ['a path', () => ({ file: '../outside.csv' }), 400, 'file'],
      ['an absolute path', () => ({ file: '/etc/passwd' }), 400, 'file'],
      ['a hidden file', () => ({ file: '.env' }), 400, 'file'],
      ['a number', () => ({ file: 7 }), 400, 'file'],
      ['no name', () => ({}), 400, 'file'],
      ['a list', () => [], 400, 'body'],
    ])('%s is refused', async (_, body, status, field) => {
      const answer = await server.post('/users/bulk', body())
      expect(answer).toMatchObject({ status, body: { details: [{ field }] } })
    })

    test.each(['none.csv', 'link.csv', 'folder.csv'])('%s is not there', async (file) => {
      expect((await server.post('/users/bulk', { file })).status).toBe(404)
    })

    const CSV = 'username,email\r\nada,ada@example.com\r\n'
    const asNet = "Content-Type: text/csv\r\nContent-Disposition: form-data; name=file; filename=x.csv; filename*=utf-8''x.csv"
    test.each<[name: string, body: string, type?: string]>([
      ['names without quotes', `--b\r\n${asNet}\r\n\r\n${CSV}\r\n--b--\r\n`],
      ['a quoted boundary', `--b\r\n${asNet}\r\n\r\n${CSV}\r\n--b--\r\n`, 'multipart/form-data; boundary="b"'],
      [
        'a boundary with odd signs, behind a charset',
        `--'()+_,-./:=? b\r\n${asNet}\r\n\r\n${CSV}\r\n--'()+_,-./:=? b--`,
        `Multipart/Form-Data; charset=utf-8; Boundary="'()+_,-./:=? b"`,
      ],
      ['a preamble and an epilogue', `hello --b\r\n--b  \r\n${asNet}\r\n\r\n${CSV}\r\n--b--\r\nbye`],
      ['line feeds alone', `--b\n${asNet.replaceAll('\r', '')}\n\n${CSV}\n--b--\n`],
      [
        'a quote in a file’s name',
        `--b\r\nContent-Disposition: form-data; name="file"; filename="a\\"; name=x.csv"\r\n\r\n${CSV}\r\n--b--\r\n`,
      ],
      [
        'a path in a file’s name',
        `--b\r\nContent-Disposition: form-data; filename="C:\\x\\y.csv"; name="file"\r\n\r\n${CSV}\r\n--b--\r\n`,
      ],
      [
        'only filename*',
        `--b\r\nContent-Disposition: form-data; name=file; filename*=utf-8''%C3%BC.csv\r\n\r\n${CSV}\r\n--b--\r\n`,
      ],
      [
        'a folded header in another case',
        `--b\r\nCONTENT-DISPOSITION: form-data;\r\n name=file;\r\n\tfilename=x.csv\r\n\r\n${CSV}\r\n--b--\r\n`,
      ],
      [
        'other fields around it',
        `--b\r\nContent-Disposition: form-data; name=note\r\n\r\nx\r\n--b\r\n${asNet}\r\n\r\n${CSV}\r\n--b\r\nContent-Disposition: form-data; name=end\r\n\r\n\r\n--b--\r\n`,
      ],
      ['its boundary within a row', `--b\r\n${asNet}\r\n\r\n${CSV.replace('ada,', '"ada --b",')}\r\n--b--\r\n`],
    ])('a form with %s is taken', async (_, body, type = 'multipart/form-data; boundary=b') => {
      const answer = await server.post('/users/bulk', body, { 'content-type': type })
      expect([answer.status, answer.text]).toEqual([201, '{"imported":1,"count":1}'])
    })

    test('a part’s charset is obeyed', async () => {
      const part = (charset: string, text: Uint8Array) =>
        Buffer.concat([
          bytes(
            `--b\r\nContent-Disposition: form-data; name=file; filename=x.csv\r\nContent-Type: text/csv; charset=${charset}\r\n\r\n`,
          ),
          text,
          bytes('\r\n--b--\r\n'),
        ])
      const send = (charset: string, text: Uint8Array) =>
        server.post('/users/bulk', new Uint8Array(part(charset, text)), { 'content-type': 'multipart/form-data; boundary=b' })
      const names = async () =>
        (await server.get('/users?per_page=100')).body.map(({ username }: { username: string }) => username)
      expect((await send('"windows-1252"', latin('username,email\nGrün,gruen@example.com\n'))).status).toBe(201)
      expect((await send('UTF-16', utf16('\ufeffusername,email\nGrön,groen@example.com\n'))).status).toBe(201)
      expect(await names()).toEqual(expect.arrayContaining(['Grün', 'Grön']))
      expect(await send('utf-8', latin('username,email\nGrün,gruen@example.com\n'))).toMatchObject({
        status: 400,
        body: { details: [{ field: 'row 2', message: expect.stringContaining('0xFC at 17') }] },
      })
      expect(await send('klingon', bytes('username,email\n'))).toMatchObject({
        status: 415,
        body: { details: [{ field: 'file' }] },
      })
    })

    test.each([
      ['no boundary in the type', 'multipart/form-data; charset=utf-8', CSV],
      ['another boundary', 'multipart/form-data; boundary=b', `--c\r\n${asNet}\r\n\r\n${CSV}\r\n--c--\r\n`],
      ['no end', 'multipart/form-data; boundary=b', `--b\r\n${asNet}\r\n\r\n${CSV}`],
      ['a part without headers', 'multipart/form-data; boundary=b', `--b\r\n\r\n${CSV}\r\n--b--\r\n`],
      [
        'a part that is no form data',
        'multipart/form-data; boundary=b',
        `--b\r\nContent-Disposition: attachment; name=file\r\n\r\n${CSV}\r\n--b--\r\n`,
      ],
      [
        'base64',
        'multipart/form-data; boundary=b',
        `--b\r\n${asNet}\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n--b--\r\n`,
      ],
      [
        'a hundred and one parts',
        'multipart/form-data; boundary=b',
        `${`--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n`.repeat(101)}--b--\r\n`,
      ],
    ])('a form with %s is refused', async (_, type, body) => {
      const answer = await server.post('/users/bulk', body, { 'content-type': type })
      expect(answer).toMatchObject({ status: 400, body: { details: [{ field: 'body' }] } })
      expect(answer.body.error).toStartWith('the body is not valid multipart/form-data: it ')
    })

    test('a form without a file, with two, or with a text for a file is refused', async () => {
      const type = { 'content-type': 'multipart/form-data; boundary=b' }
      for (const [body, message] of [
        ['--b--', 'is required'],
        [`--b\r\n${asNet}\r\n\r\n${CSV}\r\n--b\r\n${asNet}\r\n\r\n${CSV}\r\n--b--`, 'must be a single file'],
        [`--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--`, 'must be a file'],
      ])
        expect(await server.post('/users/bulk', body, type)).toMatchObject({
          status: 400,
          body: { details: [{ field: 'file', message }] },
        })
    })

    test('a file in SEED_DIR is read alike', async () => {
      writeFileSync(join(folder, 'seed/excel.csv'), utf16('\ufeffsep=;\r\nusername;email\r\nMüller;m@example.com\r\n'))
      expect(await server.post('/users/bulk', { file: 'excel.csv' })).toMatchObject({ status: 201, body: { imported: 1 } })
    })

    test('other bodies', async () => {
      expect((await server.post('/users/bulk', 'username,email\n', { 'content-type': 'text/csv' })).status).toBe(415)
      const broken = { 'content-type': 'multipart/form-data; boundary=x' }
      expect((await server.post('/users/bulk', 'no form', broken)).status).toBe(400)
      expect((await server.post('/users/bulk', '', broken)).status).toBe(400)
      const huge = new Uint8Array(64 * 1024 * 1024 + 1)
      expect((await server.post('/users/bulk', huge, { 'content-type': 'multipart/form-data; boundary=x' })).status).toBe(413)
    })

    test('a sixth import at once is 429', async () => {
      const file = `username,email\n${'eve,eve@example.com\n'.repeat(3_000)}`
      const answers = await Promise.all(Array.from({ length: 8 }, () => server.post('/users/bulk', form(file))))
      expect(answers.filter(({ status }) => status === 201).length).toBeGreaterThanOrEqual(5)
      const refused = answers.filter(({ status }) => status === 429)
      expect(refused.length).toBeGreaterThan(0)
      expect(refused[0]!.headers.get('retry-after')).toBe('5')
    })
  })
})

test.skipIf(anyDatabase.name !== 'external')('memory does not grow with the file', async () => {
  const peak = async (rows: number) => {
    const folder = temporaryFolder()
    const row = (n: number) => `${n},code-${n},https://example.com/a-target-of-some-length/${n},A title of some length\n`
    writeFileSync(
      join(folder, 'urls.csv'),
      `id,short_code,original_url,title\n${Array.from({ length: rows }, (_, n) => row(n + 1)).join('')}`,
    )
    const { code, err, memory } = await measureCommand(['seed', folder], await anyDatabase.settings())
    expect([code, err]).toEqual([0, ''])
    return memory
  }
  expect((await peak(200_000)) / (await peak(50_000))).toBeLessThan(2) // of what was kept whole, four times as much
})
