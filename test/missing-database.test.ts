// An embedded database that is gone is never begun again by itself: neither by the server nor by a command. What an operator may do about it works.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { settleExchange } from '../src/database/embedded-exchange.ts'
import { runCommand, startChild } from './child.ts'
import { databases } from './databases.ts'
import { temporaryFolder } from './scratch.ts'
import { copyTemplate } from './template.ts'
import { until } from './until.ts'

const embedded = databases[0]!

/** A DATA_DIR that was served: three links, clicks, a key; and a backup of it. */
let full: string
let backup: string
let code: string

beforeAll(async () => {
  full = (await embedded.settings()).DATA_DIR!
  backup = join(temporaryFolder(), 'full.backup')
  const server = await startChild({ DATA_DIR: full })
  for (const name of ['a', 'b', 'c'])
    code = (await server.call('POST', '/urls', { original_url: `https://example.com/${name}` })).body.short_code
  for (let n = 0; n < 5; n++) await server.call('GET', `/${code}`)
  expect((await server.call('POST', '/api/keys', { name: 'first', scope: 'admin' })).status).toBe(201)
  server.kill('SIGTERM')
  await server.exited
  expect((await runCommand(['backup', backup], { DATA_DIR: harmed(() => {}) })).code).toBe(0) // it stores and removes journals
})

/** A copy of `full`, with what `harm` does to it. */
function harmed(harm: (folder: string) => void): string {
  const folder = temporaryFolder()
  copyTemplate(full, folder)
  harm(folder)
  return folder
}

/** Every file below, with its content's hash: a link as where it leads. */
function contentOf(folder: string): Record<string, unknown> {
  const files: Record<string, unknown> = {}
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    const path = join(folder, name)
    const found = lstatSync(path)
    if (found.isSymbolicLink()) files[name] = readlinkSync(path)
    else if (found.isFile()) files[name] = Bun.hash(readFileSync(path))
  }
  return files
}

const OURS = /^(socket|lock\.sqlite|pg_trgm\.tar\.gz)/
const theirs = (folder: string) => Object.fromEntries(Object.entries(contentOf(folder)).filter(([name]) => !OURS.test(name)))

const move = (from: string, to: string) => (folder: string) => renameSync(join(folder, from), join(folder, to))
const remove =
  (...names: string[]) =>
  (folder: string) =>
    names.forEach((name) => rmSync(join(folder, name), { recursive: true }))
/** Leaves `name` of all that is in the folder. */
const only = (name: string) => (folder: string) => {
  const slot = join(folder, 'replicas', '0')
  for (const one of readdirSync(folder)) if (one !== 'replicas') rmSync(join(folder, one), { recursive: true })
  for (const one of readdirSync(slot)) if (!one.startsWith(name) && !one.endsWith(name)) rmSync(join(slot, one))
}

describe('the start stops, names the folder and the two ways on, and touches nothing', () => {
  test.each<[string, (folder: string) => void, string]>([
    ['PG_VERSION is gone', remove('pg18/PG_VERSION'), 'pg18 has no PG_VERSION'],
    ['PG_VERSION is empty', (folder) => writeFileSync(join(folder, 'pg18/PG_VERSION'), ''), 'an invalid PG_VERSION'],
    ['PG_VERSION and global/ are gone', remove('pg18/PG_VERSION', 'pg18/global'), 'pg18 has no PG_VERSION'],
    ['the folder was renamed', move('pg18', 'pg18.old'), 'pg18.old'],
    ['the folder was renamed otherwise', move('pg18', 'old-database'), 'old-database'],
    ['the folder was moved elsewhere', remove('pg18'), 'pg18 is missing'],
    [
      'the folder is empty: its volume is not mounted',
      (folder) => {
        remove('pg18')(folder)
        mkdirSync(join(folder, 'pg18'))
      },
      'pg18 is empty',
    ],
    [
      'the folder is a link that leads nowhere',
      (folder) => {
        remove('pg18')(folder)
        symlinkSync('/nowhere/at/all', join(folder, 'pg18'))
      },
      'is a link to a path that does not exist',
    ],
    ['only the edge copy is left', only('edge.sqlite'), 'edge.sqlite has 3 links'],
    ['only journals are left', only('.journal'), 'contains clicks'],
    ['only the policy is left', only('policy.json'), 'policy.json has API keys'],
    [
      'only the note is left that there was one',
      remove('pg18', 'replicas'),
      'embedded.json records that a database was created here',
    ],
    [
      'a restore of an earlier kind was killed between its two steps',
      (folder) => {
        remove('replicas', 'embedded.json')(folder)
        mkdirSync(join(folder, 'restored'))
        cpSync(join(folder, 'pg18'), join(folder, 'restored/pg18'), { recursive: true })
        move('pg18', 'pg18.old')(folder)
      },
      'restored/pg18',
    ],
  ])('%s', async (_, harm, sign) => {
    const folder = harmed(harm)
    const before = theirs(folder)
    const { code: exit, out, err } = await runCommand(['serve', '--port', '0'], { DATA_DIR: folder })
    expect([exit, out]).toEqual([1, ''])
    expect(err).toMatch(/^waypost: [^\n]+\n$/)
    for (const part of [folder, sign, 'put it back', 'waypost restore FILE', '--init-empty']) expect(err).toContain(part)
    expect(theirs(folder)).toEqual(before)
  })

  test.each([
    [['seed', '--demo']],
    [['key', 'create', 'another', '--scope', 'admin']],
    [['key', 'list']],
    [['migrate']],
    [['drain', '.']],
    [['backup', '-']],
  ])('also of %j', async (args) => {
    const folder = harmed(remove('pg18/PG_VERSION'))
    const before = theirs(folder)
    const { code: exit, err } = await runCommand(args, { DATA_DIR: folder }, folder)
    expect(exit).toBe(1)
    expect(err).toMatch(/^waypost: [^\n]+ has no PG_VERSION, but there was a database in [^\n]+\n$/)
    expect(theirs(folder)).toEqual(before)
  })

  test('a folder of another PostgreSQL next to an empty one names the two commands', async () => {
    const folder = harmed((folder) => {
      move('pg18', 'pg17')(folder)
      writeFileSync(join(folder, 'pg17/PG_VERSION'), '17\n')
    })
    const { code: exit, err } = await runCommand(['serve', '--port', '0'], { DATA_DIR: folder })
    expect([exit, err]).toEqual([1, expect.stringMatching(/pg17 was made by PostgreSQL 17\b.*waypost backup .*waypost restore /)])
  })
})

describe('the ways on', () => {
  test('put back, it is served as before, keys and all', async () => {
    const folder = harmed(move('pg18', 'pg18.old'))
    expect((await runCommand(['serve', '--port', '0'], { DATA_DIR: folder })).code).toBe(1)
    move('pg18.old', 'pg18')(folder)
    const server = await startChild({ DATA_DIR: folder })
    expect((await server.call('GET', `/${code}`)).status).toBe(302)
    expect((await server.call('GET', '/urls')).status).toBe(401)
    server.kill('SIGTERM')
    await server.exited
  })

  test('a backup is restored without another word, and what was left of the cluster is kept', async () => {
    const folder = harmed(remove('pg18/PG_VERSION'))
    const { code: exit, err } = await runCommand(['restore', backup], { DATA_DIR: folder })
    expect([exit, err]).toEqual([0, expect.stringMatching(/could not be read, and was set aside in \S+set-aside-/)])
    const [aside] = readdirSync(folder).filter((name) => name.startsWith('set-aside-'))
    expect(existsSync(join(folder, aside!, 'pg18/global/pg_control'))).toBe(true)
    const server = await startChild({ DATA_DIR: folder })
    expect((await server.call('GET', `/${code}`)).status).toBe(302)
    server.kill('SIGTERM')
    await server.exited
  })

  test('--init-empty begins with an empty one, and sets aside all that was left; the next start needs no word', async () => {
    const folder = harmed(remove('pg18/PG_VERSION'))
    const before = theirs(folder)
    const first = await startChild({ DATA_DIR: folder }, 'ready', undefined, ['--init-empty'])
    expect((await first.call('GET', '/urls')).body).toEqual([]) // open mode: nobody made a key for this one
    await until('the code is nobody’s', async () => (await first.call('GET', `/${code}`)).status === 404)
    const made = (await first.call('POST', '/urls', { original_url: 'https://example.com/new' })).body
    first.kill('SIGTERM')
    await first.exited
    const [aside, ...more] = readdirSync(folder).filter((name) => name.startsWith('set-aside-'))
    expect(more).toEqual([])
    expect(contentOf(join(folder, aside!))).toEqual(before)

    const next = await startChild({ DATA_DIR: folder })
    expect((await next.call('GET', `/${made.short_code}`)).status).toBe(302)
    next.kill('SIGTERM')
    await next.exited
    // Given again, by a unit that has it for good, it changes nothing where there is a database.
    const again = await startChild({ DATA_DIR: folder }, 'ready', undefined, ['--init-empty'])
    expect((await again.call('GET', `/${made.short_code}`)).status).toBe(302)
    again.kill('SIGTERM')
    await again.exited
    expect(readdirSync(folder).filter((name) => name.startsWith('set-aside-'))).toEqual([aside!])
  })

  test('a command takes the same word', async () => {
    const folder = harmed(remove('pg18'))
    const {
      code: exit,
      out,
      err,
    } = await runCommand(['key', 'create', 'new', '--scope', 'admin', '--init-empty'], {
      DATA_DIR: folder,
    })
    expect([exit, out]).toEqual([0, expect.stringMatching(/^wp_\S+\n$/)])
    expect(err).toContain('was set aside')
    expect(readdirSync(folder).filter((name) => name.startsWith('set-aside-'))).toHaveLength(1)
  })
})

test('a first start that was killed while it made the cluster makes it the next time', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'pg18.making/global'), { recursive: true })
  writeFileSync(join(folder, 'pg18.making/PG_VERSION'), '18\n')
  const { code: exit, out } = await runCommand(['migrate'], { DATA_DIR: folder })
  expect([exit, out]).toEqual([0, expect.stringContaining('applied 0001-schema')])
  expect(
    readdirSync(folder)
      .filter((name) => name.startsWith('pg'))
      .sort(),
  ).toEqual(['pg18', 'pg_trgm.tar.gz'])
})

describe('a restore that was killed', () => {
  /** Which of two clusters is in the place: a file tells them apart. */
  const cluster = (folder: string, name: string, what: string, whole = false) => {
    mkdirSync(join(folder, name), { recursive: true })
    writeFileSync(join(folder, name, 'PG_VERSION'), '18\n')
    writeFileSync(join(folder, name, 'which'), what)
    if (whole) writeFileSync(join(folder, name, 'waypost.restored'), '')
  }
  const which = (folder: string, name = 'pg18') => readFileSync(join(folder, name, 'which'), 'utf8')

  test.each<[string, (folder: string) => void, string]>([
    [
      'while it filled the new cluster',
      (folder) => {
        cluster(folder, 'pg18', 'old')
        cluster(folder, 'restored/pg18', 'new')
      },
      'old',
    ],
    [
      'when the new cluster was whole',
      (folder) => {
        cluster(folder, 'pg18', 'old')
        cluster(folder, 'restored/pg18', 'new', true)
      },
      'old',
    ],
    [
      'when the old cluster had given up its name',
      (folder) => {
        cluster(folder, 'pg18.replaced', 'old')
        cluster(folder, 'restored/pg18', 'new', true)
      },
      'new',
    ],
    [
      'when the new cluster was lost, and the old one had given up its name',
      (folder) => cluster(folder, 'pg18.replaced', 'old'),
      'old',
    ],
    [
      'when the new cluster had the name',
      (folder) => {
        cluster(folder, 'pg18.replaced', 'old')
        cluster(folder, 'pg18', 'new', true)
      },
      'new',
    ],
    [
      'while it removed the old cluster',
      (folder) => {
        mkdirSync(join(folder, 'pg18.discarded/base'), { recursive: true })
        cluster(folder, 'pg18', 'new', true)
      },
      'new',
    ],
    [
      'before a release that knows nothing of it made another cluster',
      (folder) => {
        cluster(folder, 'pg18.replaced', 'old')
        cluster(folder, 'pg18', 'another')
      },
      'another',
    ],
  ])('%s leaves one whole cluster in the place', (_, state, expected) => {
    const folder = temporaryFolder()
    state(folder)
    settleExchange(folder)
    settleExchange(folder) // killed again in the middle, say
    expect(which(folder)).toBe(expected)
    expect(existsSync(join(folder, 'pg18/waypost.restored'))).toBe(false)
    expect(readdirSync(folder).filter((name) => /replaced|discarded/.test(name))).toEqual([])
    const [aside] = readdirSync(folder).filter((name) => name.startsWith('set-aside-'))
    if (expected === 'another') expect(which(folder, `${aside}/pg18.replaced`)).toBe('old')
    // A new cluster that did not get there must not get there later, when the place is empty for another reason.
    if (expected !== 'old' || !existsSync(join(folder, 'restored'))) return
    rmSync(join(folder, 'pg18'), { recursive: true })
    settleExchange(folder)
    expect(existsSync(join(folder, 'pg18'))).toBe(false)
  })

  test('leaves a database that is served, wherever the kill fell', async () => {
    const folder = harmed(() => {})
    const first = await startChild({ DATA_DIR: folder })
    first.kill('SIGTERM')
    await first.exited
    const restoring = Bun.spawn(
      [process.execPath, '--no-env-file', join(import.meta.dir, '../src/main.ts'), 'restore', backup, '--replace'],
      { env: { DATA_DIR: folder }, stdout: 'ignore', stderr: 'ignore' },
    )
    while (!existsSync(join(folder, 'restored/pg18/PG_VERSION')) && restoring.exitCode === null) await Bun.sleep(5)
    restoring.kill('SIGKILL')
    await restoring.exited
    const server = await startChild({ DATA_DIR: folder })
    expect((await server.call('GET', `/${code}`)).status).toBe(302)
    server.kill('SIGTERM')
    await server.exited
    expect((await runCommand(['restore', backup, '--replace'], { DATA_DIR: folder })).code).toBe(0)
    expect(readdirSync(folder).filter((name) => /^(restored|pg18\.)/.test(name))).toEqual([])
  })
})

afterAll(() => rmSync(full, { recursive: true, force: true }))
