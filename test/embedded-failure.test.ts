// An embedded database that does not start is an unreachable one: the server serves what its copy knows, says why, and tries again.
import { beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { failureIn } from '../src/database/embedded-failure.ts'
import { placeOf } from '../src/database/embedded-place.ts'
import { supervise } from '../src/database/embedded-supervisor.ts'
import { createLog, createLogRing } from '../src/telemetry/logs.ts'
import { atEnd } from './at-end.ts'
import { runCommand, startChild } from './child.ts'
import { databases } from './databases.ts'
import { temporaryFolder } from './scratch.ts'
import { copyTemplate } from './template.ts'
import { until } from './until.ts'

const embedded = databases[0]!
const DAMAGED = 'it is damaged: restore a backup'

let full: string
let code: string

beforeAll(async () => {
  full = (await embedded.settings()).DATA_DIR!
  const server = await startChild({ DATA_DIR: full })
  code = (await server.call('POST', '/urls', { original_url: 'https://example.com/known' })).body.short_code
  await server.call('GET', `/${code}`)
  server.kill('SIGKILL')
  await server.exited
})

function copy(): string {
  const folder = temporaryFolder()
  copyTemplate(full, folder)
  return folder
}

const emptied = (file: string) => (folder: string) => writeFileSync(join(folder, file), '')
const removed = (file: string) => (folder: string) => rmSync(join(folder, file), { recursive: true })

const damages: [string, (folder: string) => void][] = [
  ['pg_control is empty', emptied('pg18/global/pg_control')],
  ['pg_control is gone', removed('pg18/global/pg_control')],
  ['global/ is gone', removed('pg18/global')],
  ['base/ is gone', removed('pg18/base')],
  [
    'the write-ahead log is gone',
    (folder) => readdirSync(join(folder, 'pg18/pg_wal')).forEach((name) => removed(`pg18/pg_wal/${name}`)(folder)),
  ],
  ['postgresql.conf is gone', removed('pg18/postgresql.conf')],
  ['a system table is gone', removed('pg18/global/1262')],
]

test('whatever part of it is damaged or missing, redirects keep working, and it is reported everywhere', async () => {
  const failures = await Promise.all(
    damages.map(async ([what, damage]) => {
      const folder = copy()
      damage(folder)
      const said = join(folder, 'said')
      const server = await startChild({ DATA_DIR: folder, LOG_LEVEL: 'error' }, 'degraded', said)
      const redirect = (await server.call('GET', `/${code}`)).status
      await until('the reason is known', async () => (await server.call('GET', '/ready')).body.reason !== undefined)
      const { status, reason, dependencies } = (await server.call('GET', '/ready')).body
      const change = (await server.call('POST', '/urls', { original_url: 'https://example.com/' })).status
      server.kill('SIGTERM')
      const exit = await server.exited
      const log = readFileSync(said, 'utf8')
      return {
        what,
        redirect,
        status,
        reason,
        ...dependencies,
        change,
        exit,
        log: [DAMAGED, 'ASSERTIONS'].map((part) => log.includes(part)),
      }
    }),
  )
  const expected = {
    redirect: 302,
    status: 'degraded',
    reason: `the database is not reachable: ${DAMAGED}`,
    database: 'down',
    change: 503,
    exit: 0,
  }
  expect(failures).toEqual(damages.map(([what]) => ({ what, ...expected, log: [true, false] })))
})

test('responses and console name the reason, metrics say that it is down; once fixed, it is ready again without a restart', async () => {
  const folder = copy()
  const [control, kept] = [join(folder, 'pg18/global/pg_control'), join(folder, 'pg_control.kept')]
  renameSync(control, kept)
  const server = await startChild({ DATA_DIR: folder, AUTH: 'off', LOG_LEVEL: 'fatal' }, 'degraded')
  const wrong = async () => (await server.call('POST', '/urls', { original_url: 'https://example.com/' })).body.error
  await until('the answer says why', async () => String(await wrong()).includes(DAMAGED))
  expect(await wrong()).toBe(`the database is not reachable, try again in a moment: ${DAMAGED}`)
  const metrics = async () => (await fetch(`${server.base}/metrics`)).text()
  expect(await metrics()).toContain('\nwaypost_database_up 0\n')
  const { now } = (await server.call('GET', '/api/overview')).body
  expect(now.troubles).toContainEqual(
    expect.stringMatching(/^The database has been unreachable since \S+ \(it is damaged: restore a backup\)/),
  )
  const lines = (await server.call('GET', '/logs?level=error&filter=does not start')).body.logs
  expect(lines).toHaveLength(1) // once, however often it is tried
  expect(lines[0]).toMatchObject({ reason: DAMAGED, said: expect.stringContaining('pg_control'), folder: join(folder, 'pg18') })

  // Taken out while it is tried again: no new one is made in its place.
  const [place, away] = [join(folder, 'pg18'), join(folder, 'away')]
  renameSync(place, away)
  await until('it is missed', async () =>
    String(await wrong()).includes('its files are missing: put them back, or restore a backup'),
  )
  expect(existsSync(place)).toBe(false)
  renameSync(away, place)

  renameSync(kept, control)
  await until('it is ready', async () => (await server.call('GET', '/ready')).body.status === 'ready')
  expect(await metrics()).toContain('\nwaypost_database_up 1\n')
  expect((await server.call('POST', '/urls', { original_url: 'https://example.com/after' })).status).toBe(201)
  server.kill('SIGTERM')
  expect(await server.exited).toBe(0)
})

test('files that go while it starts on them are missed, and nothing is made in their place', async () => {
  for (const after of [0, 50, 100, 150, 200, 250]) {
    const place = placeOf(copy())
    const starting = supervise(place, createLog('fatal', createLogRing(), false), false).then(
      (opened) => opened.stop(), // before they went
      ({ failure }) => expect(failure.words).toBe('its files are missing: put them back, or restore a backup'),
    )
    await Bun.sleep(after) // wherever that falls
    renameSync(place.folder, `${place.folder}.out`)
    await starting
    expect(existsSync(place.folder)).toBe(false)
  }
})

describe('of a damaged database', () => {
  const file = join(temporaryFolder(), 'backup')
  const damaged = () => {
    const folder = copy()
    emptied('pg18/global/pg_control')(folder)
    return folder
  }
  beforeAll(async () => {
    expect((await runCommand(['backup', file], { DATA_DIR: copy() })).code).toBe(0)
  })

  test.each([[['key', 'list']], [['migrate']], [['backup', '-']], [['restore', file]]])(
    '%j ends with one sentence',
    async (args) => {
      const { code: exit, err } = await runCommand(args, { DATA_DIR: damaged() })
      expect(err).toMatch(/^waypost: the embedded database does not start: it is damaged: restore a backup \([^\n]+\n$/)
      expect(exit).toBe(1)
    },
  )

  test('a restore with --replace sets it aside', async () => {
    const folder = damaged()
    expect((await runCommand(['restore', file, '--replace'], { DATA_DIR: folder })).code).toBe(0)
    const [aside] = readdirSync(folder).filter((name) => name.startsWith('set-aside-'))
    expect(existsSync(join(folder, aside!, 'pg18/PG_VERSION'))).toBe(true)
    const server = await startChild({ DATA_DIR: folder })
    expect((await server.call('GET', `/${code}`)).status).toBe(302)
    server.kill('SIGTERM')
    await server.exited
  })
})

const bind = (...args: string[]) => Bun.spawnSync(['mount', ...args]).exitCode === 0
const probe = temporaryFolder()
const bindable = bind('--bind', probe, probe)
if (bindable) Bun.spawnSync(['umount', probe])
else console.warn('SKIPPED: a disk that is read-only (it needs the right to mount)')

test.skipIf(!bindable)('a disk that is read-only is named as such', async () => {
  const folder = copy()
  const cluster = join(folder, 'pg18')
  bind('--bind', cluster, cluster)
  const unmount = atEnd(() => Bun.spawnSync(['umount', '-l', cluster]))
  expect(bind('-o', 'remount,bind,ro', cluster)).toBe(true)
  const server = await startChild({ DATA_DIR: folder, LOG_LEVEL: 'fatal' }, 'degraded')
  expect((await server.call('GET', `/${code}`)).status).toBe(302)
  await until('the reason is known', async () =>
    String((await server.call('GET', '/ready')).body.reason).includes('its disk is read-only'),
  )
  bind('-o', 'remount,bind,rw', cluster)
  await until('it is ready', async () => (await server.call('GET', '/ready')).body.status === 'ready')
  server.kill('SIGTERM')
  expect(await server.exited).toBe(0)
  unmount()
  Bun.spawnSync(['umount', '-l', cluster])
})

describe('what PostgreSQL says last', () => {
  test.each([
    [
      'PANIC:  could not read file "global/pg_control": read 0 of 296',
      'Aborted(). Build with -sASSERTIONS for more info.',
      DAMAGED,
    ],
    ['FATAL:  could not write lock file "postmaster.pid": No space left on device', 'failed', 'its disk is full'],
    ['PANIC:  could not write to file "pg_wal/xlogtemp.42": Disk quota exceeded', 'failed', 'its disk is full'],
    [
      'FATAL:  could not open file "global/1262": Permission denied',
      'failed',
      'its files cannot be read or written: check their owner and permissions',
    ],
    ['PANIC:  could not fsync file "base/5/1": Input/output error', 'failed', 'its disk reports errors'],
    ['FATAL:  out of memory', 'failed', 'it is out of memory'],
    ['LOG:  database system was shut down', 'the worker ended', 'it did not start'],
  ])('%s', (line, message, words) => {
    const { words: found, said } = failureIn([`2026-11-29 23:49:18.031 UTC [42] ${line}`], new Error(message))
    expect(found).toBe(words)
    expect(said).not.toContain('ASSERTIONS')
  })
})
