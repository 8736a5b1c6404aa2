// What operators of a machine rely on: SIGHUP, the disk's warning, and the scripts and units of deploy/.
import { beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Child, startChild } from './child.ts'
import { anyDatabase } from './databases.ts'
import { temporaryFolder } from './scratch.ts'
import { until } from './until.ts'

const root = resolve(import.meta.dir, '..')

describe('a server on a disk that fills up', () => {
  const folder = temporaryFolder()
  const [level, hosts, said] = ['level', 'hosts', 'said'].map((name) => join(folder, name)) as [string, string, string]
  let server: Child

  beforeAll(async () => {
    writeFileSync(level, 'warn\n')
    writeFileSync(hosts, 'evil.example\n')
    const settings = { LOG_LEVEL: '', LOG_LEVEL_FILE: level, BLOCKLIST_FILE: hosts, DISK_FREE_MIN: String(2 ** 50) }
    server = await startChild({ ...(await anyDatabase.settings()), ...settings }, 'ready', said)
  })

  async function hangUp(sentence: string) {
    const before = readFileSync(said, 'utf8').length
    server.kill('SIGHUP')
    await until(`it says: ${sentence}`, () => readFileSync(said, 'utf8').slice(before).includes(sentence))
  }

  test('is reported in the log, as an alert, as a metric and in /api/about', async () => {
    expect(readFileSync(said, 'utf8')).toContain('the disk fills up')
    const { disk_space } = (await server.call('GET', '/alert-status')).body
    expect([disk_space.state, disk_space.value > 0]).toEqual(['firing', true])
    const metrics = await (await fetch(`${server.base}/metrics`)).text()
    const [free, short] = ['free', 'short'].map((name) =>
      Number(new RegExp(`^waypost_disk_${name}_bytes (\\S+)$`, 'm').exec(metrics)![1]),
    )
    expect(Math.round((free! + short!) / 1e9)).toBe(Math.round(2 ** 50 / 1e9))
    const { disk } = (await server.call('GET', '/api/about')).body
    expect(disk).toEqual({ free_bytes: expect.any(Number), total_bytes: expect.any(Number), low: true })
  })

  test('takes a changed level of the log at SIGHUP, and keeps it where the setting cannot be read', async () => {
    await server.call('GET', '/urls/1')
    expect(readFileSync(said, 'utf8')).not.toContain('"path":"/urls/1"')
    writeFileSync(level, 'debug\n')
    await hangUp('read the settings again')
    await server.call('GET', '/urls/2')
    await hangUp('read the settings again') // standard output is written in this order
    expect(readFileSync(said, 'utf8')).toContain('"path":"/urls/2"')
    await hangUp('read the blocklist file')
    writeFileSync(level, 'loud\n')
    await hangUp('LOG_LEVEL must be one of')
    expect((await server.call('GET', '/health')).status).toBe(200)
  })
})

describe('deploy/install', () => {
  const place = temporaryFolder()
  const [binary, settings, token] = ['usr/local/bin/waypost', 'etc/waypost/waypost.env', 'etc/waypost/secrets/ADMIN_TOKEN'].map(
    (name) => join(place, name),
  ) as [string, string, string]

  function install(text: string) {
    const file = join(place, 'given')
    writeFileSync(file, text)
    chmodSync(file, 0o755)
    const { exitCode, stderr } = Bun.spawnSync(['sh', join(root, 'deploy/install'), file], {
      env: { PATH: process.env.PATH!, DESTDIR: place },
    })
    return [exitCode, stderr.toString()]
  }

  test('installs one file, units, scripts, settings and a token that root alone reads', () => {
    expect(install('#!/bin/sh\necho 1')).toEqual([0, ''])
    expect(statSync(binary).mode & 0o777).toBe(0o755)
    expect([statSync(token).mode & 0o777, readFileSync(token, 'utf8')]).toEqual([0o600, expect.stringMatching(/^[0-9a-f]{48}$/)])
    expect(readdirSync(join(place, 'etc/systemd/system')).sort()).toEqual(readdirSync(join(root, 'deploy/systemd')).sort())
  })

  test('run again replaces the file, and leaves settings and token', () => {
    const before = readFileSync(token, 'utf8')
    writeFileSync(settings, 'PORT=9000\n')
    expect(install('#!/bin/sh\necho 2')).toEqual([0, ''])
    expect([binary, settings, token].map((file) => readFileSync(file, 'utf8'))).toEqual([
      '#!/bin/sh\necho 2',
      'PORT=9000\n',
      before,
    ])
  })

  test('leaves everything where the file does not run here', () => {
    const [code, said] = install('#!/bin/sh\nexit 1')
    expect([code, said]).toEqual([1, expect.stringContaining('does not run on this machine')])
    expect([readFileSync(binary, 'utf8'), existsSync(`${binary}.new`)]).toEqual(['#!/bin/sh\necho 2', false])
  })
})

const analyze = Bun.which('systemd-analyze')
if (!analyze) console.warn('SKIPPED: the units (systemd is not installed)')

test.skipIf(!analyze)('systemd understands every unit, and finds little that the service could do', () => {
  const folder = temporaryFolder()
  cpSync(join(root, 'deploy/systemd'), folder, { recursive: true })
  const units = readdirSync(folder).map((name) => join(folder, name))
  for (const unit of units) writeFileSync(unit, readFileSync(unit, 'utf8').replaceAll('/usr/local/bin/waypost', '/bin/true'))
  const verified = Bun.spawnSync([analyze!, 'verify', '--man=no', ...units], {
    env: { ...process.env, SYSTEMD_LOG_LEVEL: 'warning' },
  })
  expect([verified.exitCode, verified.stderr.toString()]).toEqual([0, ''])
  for (const name of ['waypost.service', 'waypost@.service', 'waypost-backup.service']) {
    const judged = Bun.spawnSync([analyze!, 'security', '--offline=true', '--threshold=20', join(folder, name)])
    expect([name, judged.exitCode]).toEqual([name, 0]) // 2.0 of 10
  }
})

const shellcheck = Bun.which('shellcheck')
if (!shellcheck) console.warn('SKIPPED: a look at the scripts of deploy/ (shellcheck is not installed)')

test.skipIf(!shellcheck)('shellcheck has nothing to say about the scripts of deploy/', () => {
  const scripts = (readdirSync(join(root, 'deploy'), { recursive: true }) as string[])
    .map((name) => join(root, 'deploy', name))
    .filter((path) => statSync(path).isFile() && readFileSync(path, 'utf8').startsWith('#!/bin/sh'))
  expect(scripts.length).toBeGreaterThan(4)
  expect(Bun.spawnSync([shellcheck!, ...scripts]).stdout.toString()).toBe('')
})
