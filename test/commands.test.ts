// What commands say of files and folders that are not as they should be, and whom they ask: this machine, never a proxy.
import { afterAll, describe, expect, test } from 'bun:test'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { baseOf } from '../src/commands/ask.ts'
import { type Child, runCommand, startChild } from './child.ts'
import { databases } from './databases.ts'
import { temporaryFolder } from './scratch.ts'

const ends: (() => unknown)[] = []
afterAll(async () => {
  for (const end of ends) await end()
})

const folder = temporaryFolder()
const at = (name: string) => join(folder, name)
writeFileSync(at('file'), 'not what a backup begins with')
mkdirSync(at('empty'))
mkdirSync(at('other'))
writeFileSync(join(at('other'), 'mine.csv'), 'short_code,original_url\n')

describe('a file or folder that is not as it should be', () => {
  test.each<[string[], Record<string, string>, number, RegExp]>([
    [['backup', at('nowhere/x')], {}, 1, /^waypost: the folder \S+nowhere does not exist$/],
    [['backup', at('empty')], {}, 1, /^waypost: cannot write the backup to \S+empty: it is a folder$/],
    [['backup', at('file/x')], {}, 1, /^waypost: \S+file is a file, not a folder$/],
    [['backup', '/proc/x'], {}, 1, /^waypost: the backup could not be written to \/proc\/x: /],
    [['restore', at('nowhere')], {}, 1, /^waypost: the backup \S+nowhere cannot be read: it does not exist, ENOENT$/],
    [['restore', at('empty')], {}, 1, /^waypost: the backup \S+empty cannot be read: it is a folder, not a file, EISDIR$/],
    [['restore', at('file')], {}, 1, /^waypost: \S+file is not a backup$/],
    [['drain', at('nowhere')], {}, 1, /^waypost: the folder \S+nowhere does not exist$/],
    [['drain', at('file')], {}, 1, /^waypost: \S+file is a file, not a folder$/],
    [['seed', at('nowhere')], {}, 1, /^waypost: the folder \S+nowhere does not exist$/],
    [['seed', at('file')], {}, 1, /^waypost: \S+file is a file, not a folder$/],
    [['seed', at('empty')], {}, 1, /^waypost: \S+empty must contain at least one of users\.csv, urls\.csv, events\.csv$/],
    [
      ['serve', '--port', '0'],
      { SEED_DIR: at('nowhere') },
      2,
      /^waypost: SEED_DIR must be a folder with users\.csv, urls\.csv, events\.csv: the folder \S+nowhere does not exist$/,
    ],
    [
      ['serve', '--port', '0'],
      { SEED_DIR: at('file') },
      2,
      /^waypost: SEED_DIR must be a folder with .*: \S+file is a file, not a folder$/,
    ],
  ])('%j %j: exit %d and a sentence', async (args, env, code, sentence) => {
    const { DATA_DIR } = (await databases[0]!.settings()) as { DATA_DIR: string }
    const ended = await runCommand(args, { DATA_DIR, ...env })
    expect([ended.code, ended.err.trim()]).toEqual([code, expect.stringMatching(sentence)])
  })

  test('a folder that this user may not write to is named', async () => {
    const closed = temporaryFolder()
    chmodSync(closed, 0o555)
    if (process.getuid?.() === 0) return console.warn('SKIPPED: a folder that may not be written to (root may)')
    const { DATA_DIR } = (await databases[0]!.settings()) as { DATA_DIR: string }
    const ended = await runCommand(['backup', join(closed, 'x')], { DATA_DIR })
    expect(ended.err).toContain('cannot write the backup into')
  })

  // The last is the folder that docker-compose.yml mounts.
  test.each([at('empty'), at('other'), join(import.meta.dir, '../deploy/seed')])(
    'a server starts with an empty database and SEED_DIR=%s, and logs that nothing is imported',
    async (SEED_DIR) => {
      const { DATA_DIR } = (await databases[0]!.settings()) as { DATA_DIR: string }
      const said = join(temporaryFolder(), 'said')
      const child = await startChild({ DATA_DIR, SEED_DIR }, 'ready', said)
      child.kill('SIGTERM')
      await child.exited
      expect(await Bun.file(said).text()).toContain(
        'the database is empty, and SEED_DIR contains none of users.csv, urls.csv, events.csv',
      )
    },
  )

  test('a server creates a DATA_DIR that is missing, with an external database too', async () => {
    const DATA_DIR = join(temporaryFolder(), 'not/yet')
    const child = await startChild({ DATA_DIR, DATABASE_URL: 'postgres://u@127.0.0.1:9/n' }, 'degraded')
    expect(existsSync(join(DATA_DIR, 'replicas/0'))).toBe(true)
    child.kill('SIGTERM')
    expect(await child.exited).toBe(0)
  })

  test('a database that refuses is named with its cause', async () => {
    for (const args of [['migrate'], ['key', 'list'], ['backup', at('b')], ['seed', at('other')]]) {
      const ended = await runCommand(args, { DATA_DIR: temporaryFolder(), DATABASE_URL: 'postgres://u:hunter2@127.0.0.1:9/n' })
      expect([ended.code, ended.err]).toEqual([
        1,
        expect.stringMatching(/^waypost: the database is not reachable: 127\.0\.0\.1:9: \S.*\n$/),
      ])
      expect(ended.err).not.toContain('hunter2')
    }
  })
})

describe('commands that ask the server of this machine', () => {
  const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy']
  const proxied = Object.fromEntries(PROXIES.map((name) => [name, 'http://127.0.0.1:9']))
  const server = async (HOST: string): Promise<Child> => {
    const { DATA_DIR } = (await databases[0]!.settings()) as { DATA_DIR: string }
    const child = await startChild({ DATA_DIR, HOST, ADMIN_TOKEN: 'a-token-of-the-operator' })
    ends.push(() => child.kill('SIGKILL'))
    return child
  }

  test('never ask a proxy, for every HOST', async () => {
    const { port } = await server('0.0.0.0')
    for (const HOST of ['0.0.0.0', '127.0.0.1', 'localhost', '0.0.0.0']) {
      const ended = await runCommand(['healthcheck'], { HOST, PORT: String(port), ...proxied })
      expect([HOST, ended.code, ended.out.trim(), ended.err]).toEqual([HOST, 0, 'ready', ''])
    }
    const drill = await runCommand(['drill', 'alerts'], {
      PORT: String(port),
      ADMIN_TOKEN: 'a-token-of-the-operator',
      ...proxied,
    })
    expect(drill.err + drill.out).not.toContain('no answer from')
    const none = await runCommand(['healthcheck'], { PORT: '9', ...proxied })
    expect([none.code, none.err]).toEqual([1, expect.stringContaining('no answer on port 9')])
  })

  test.each([
    ['0.0.0.0', 'http://127.0.0.1:80'],
    ['::', 'http://[::1]:80'],
    ['[::]', 'http://[::1]:80'],
    ['0:0:0:0:0:0:0:0', 'http://[::1]:80'],
    ['::1', 'http://[::1]:80'],
    ['[::1]', 'http://[::1]:80'],
    ['2001:db8::7', 'http://[2001:db8::7]:80'],
    ['10.0.0.5', 'http://10.0.0.5:80'],
    ['localhost', 'http://localhost:80'],
    ['waypost.internal', 'http://waypost.internal:80'],
  ])('HOST %s is %s', (HOST, base) => {
    expect(baseOf({ HOST, PORT: 80 } as never)).toBe(base)
  })
})
