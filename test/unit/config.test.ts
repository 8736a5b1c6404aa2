// Settings: where each comes from, what a wrong one says, what is never shown, and the documents made from the table.
import { describe, expect, test } from 'bun:test'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { configurationPage, envExample } from '../../docs/generate.ts'
import { type Config, flagOf, isExternal, readConfig, readEnvFile } from '../../src/config/config.ts'
import { type Name, settings } from '../../src/config/settings.ts'
import { processesIn } from '../../src/processes/count.ts'
import { limits } from '../../src/telemetry/machine.ts'
import { runCommand } from '../child.ts'
import { temporaryFolder } from '../scratch.ts'

const root = join(import.meta.dir, '../..')

function file(name: string, text: string): string {
  const path = join(temporaryFolder(), name)
  writeFileSync(path, text)
  return path
}

/** A folder as systemd makes one. */
const credentials = (name: string, port: number) => dirname(file(name, `${port}\n`))

test('PROCESSES is a number, or one per core; another system than Linux has one', () => {
  const count = (PROCESSES: string, platform: string) => processesIn(readConfig({ PROCESSES }, {}), platform)
  expect(count('3', 'linux')).toBe(3)
  expect(count('auto', 'linux')).toBe(Math.max(1, Math.floor(limits().cores)))
  expect([count('auto', 'darwin'), count('1', 'darwin')]).toEqual([1, 1])
  expect(() => count('3', 'darwin')).toThrow('PROCESSES 3 works only on Linux')
})

describe('where a value comes from', () => {
  const PORT_FILE = file('port', '1004\n')
  test.each([
    ['a flag before all', { PORT: '1001' }, { PORT: '1002', PORT_FILE }, 1001, 'flag'],
    ['the environment before a file', {}, { PORT: '1002', PORT_FILE }, 1002, 'environment'],
    ['NAME_FILE before the default, without its line’s end', {}, { PORT_FILE }, 1004, 'file'],
    ['NAME_FILE where the variable is empty, as in a compose file', {}, { PORT: '', PORT_FILE }, 1004, 'file'],
    ['a credential of systemd', {}, { CREDENTIALS_DIRECTORY: credentials('PORT', 1005) }, 1005, 'file'],
    ['one of a folder of credentials', {}, { CREDENTIALS_DIRECTORY: credentials('waypost_PORT', 1006) }, 1006, 'file'],
    ['NAME_FILE before a credential', {}, { PORT_FILE, CREDENTIALS_DIRECTORY: credentials('PORT', 1007) }, 1004, 'file'],
    ['the default', {}, { CREDENTIALS_DIRECTORY: credentials('HOST', 1) }, 8080, 'default'],
  ] as const)('%s', (_, flags, env, port, source) => {
    const config = readConfig(flags, env)
    expect([config.PORT, config.sources.PORT]).toEqual([port, source])
  })

  test('the environment before --env-file, and that before the default, on the command line', async () => {
    const path = file('settings', '# mine\nPORT=1003\nHOST="127.0.0.3"\nLOG_LEVEL=debug\nUNKNOWN_THING=1\n')
    const { code, out } = await runCommand(['config', '--env-file', path, '--log-level', 'warn'], { PORT: '1002' })
    expect(code).toBe(0)
    expect(linesOf(out)).toMatchObject({
      PORT: ['1002', 'environment'],
      HOST: ['127.0.0.3', 'env-file'],
      LOG_LEVEL: ['warn', 'flag'],
      DATA_DIR: ['./data', 'default'],
    })
  })

  test.each([
    ['--env-file before NAME_FILE', { PORT_FILE }, { PORT: '1003' }, 1003, 'env-file'],
    ['--env-file where the variable is empty', { PORT: '' }, { PORT: '1003' }, 1003, 'env-file'],
    ['a NAME_FILE that --env-file names', {}, { PORT_FILE }, 1004, 'file'],
    ['the default where --env-file has it empty', {}, { PORT: '' }, 8080, 'default'],
  ] as const)('%s', (_, env, envFile, port, source) => {
    const config = readConfig({}, env, envFile)
    expect([config.PORT, config.sources.PORT]).toEqual([port, source])
  })

  test('any DATABASE_* but the pool’s size asks for a PostgreSQL outside', () => {
    for (const name of ['DATABASE_URL', 'DATABASE_HOST', 'DATABASE_PORT', 'DATABASE_NAME', 'DATABASE_USER', 'DATABASE_PASSWORD'])
      expect([name, isExternal(readConfig({}, { [name]: name === 'DATABASE_URL' ? 'postgres://h/n' : '1' }))]).toEqual([
        name,
        true,
      ])
    expect(isExternal(readConfig({}, { DATABASE_POOL: '5' }))).toBe(false)
    expect(isExternal(readConfig({}, { DATABASE_URL: '' }))).toBe(false)
  })

  test('never a .env or a bunfig.toml that lies in the working directory, started as `bun run start` does', async () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const command = /exec (bun .*) serve$/.exec(scripts.start)![1]!.split(' ')
    const folder = temporaryFolder()
    for (const name of ['src', 'package.json', 'node_modules', 'sql']) symlinkSync(join(root, name), join(folder, name))
    writeFileSync(join(folder, '.env'), 'PORT=1234\nLOG_LEVEL=trace\n')
    writeFileSync(join(folder, '.env.local'), 'HOST=127.9.9.9\n')
    const child = Bun.spawn([process.execPath, ...command.slice(1), 'config'], {
      cwd: folder,
      env: {},
      stdout: 'pipe',
      timeout: 20_000,
    })
    expect(linesOf(await new Response(child.stdout).text())).toMatchObject({
      PORT: ['8080', 'default'],
      LOG_LEVEL: ['info', 'default'],
      HOST: ['127.0.0.1', 'default'],
    })
  })
})

describe('a wrong value', () => {
  test.each([
    ['PORT', 'http'],
    ['PORT', '-1'],
    ['PORT', '65536'],
    ['PORT', '80.5'],
    ['PORT', '0x50'],
    ['DATABASE_PORT', 'x'],
    ['DATABASE_POOL', '0'],
    ['DATABASE_POOL', '201'],
    ['DATABASE_URL', 'mysql://root@localhost/x'],
    ['DATABASE_URL', 'postgres://a:5432,b:99999/x'],
    ['DATABASE_URL', 'postgres://a,b/x?target_session_attrs=standby'],
    ['DATABASE_HOST', 'a,,b'],
    ['PUBLIC_URL', 'go.example.com'],
    ['ADVERTISE_URL', 'http://10.0.0.5:8080/waypost'],
    ['ADVERTISE_URL', 'ftp://10.0.0.5'],
    ['ADVERTISE_URL', 'http://user@10.0.0.5'],
    ...['127.0.0.1:8080', 'a..b', 'a,b', 'http://localhost', '-a', 'a b'].flatMap((host) => [
      ['HOST', host] as [Name, string],
      ['SMTP_HOST', host] as [Name, string],
    ]),
    ['SMTP_HOST', 'mail.example.com:25'],
    ['OWN_HOSTS', 'go.example.com;x'],
    ['OWN_HOSTS', 'go.example.com:0'],
    ['OWN_HOSTS', '*.example.com'],
    ['PUBLIC_URL', 'https://go.example.com,x'],
    ['PUBLIC_URL', 'https://./'],
    ['LANDING_URL', 'https://a..b/'],
    ['ADVERTISE_URL', 'http://10.0.0.5:0'],
    ['ADVERTISE_URL', 'http://a;b:8080'],
    ['ALERT_WEBHOOK_URL', 'https://hooks..example/x'],
    ['FLEET_TOKEN', 'short'],
    ['CHAOS_TOKEN', '1234'],
    ['METRICS_TOKEN', 'fifteen-letters'],
    ['ALERT_WEBHOOK_SECRET', 'short'],
    ['PUBLIC_URL', 'ftp://go.example.com'],
    ['LANDING_URL', 'javascript:alert(1)'],
    ['INACTIVE_STATUS', '500'],
    ['ADMIN_TOKEN', 'short'],
    ['AUTH', 'maybe'],
    ['LOG_LEVEL', 'loud'],
    ['DRAIN_WAIT', '61'],
  ] as [Name, string][])('%s=%s is one sentence that names it', (name, value) => {
    const said = messageOf(() => readConfig({}, { [name]: value }))
    expect(said).toMatch(new RegExp(`^${name} must `))
    expect(said).not.toContain('\n')
    expect(said.includes(value)).toBe(!settings[name].secret)
  })

  test('a secret’s file that is not there is named, and what is in it is not', () => {
    expect(messageOf(() => readConfig({}, { ADMIN_TOKEN_FILE: '/nothing/here' }))).toBe(
      'ADMIN_TOKEN_FILE names a file that cannot be read: /nothing/here (it does not exist, ENOENT)',
    )
    expect(messageOf(() => readConfig({}, { ADMIN_TOKEN_FILE: file('token', 'sesame') }))).not.toContain('sesame')
    expect(messageOf(() => readEnvFile('/nothing/here'))).toStartWith('--env-file names a file that cannot be read')
  })

  test.each([
    {
      name: 'a wrong setting',
      args: ['serve', '--port', 'http'],
      code: 2,
      says: /^waypost: PORT must be a whole number from 0 to 65535 \(it is "http"\)\n$/,
    },
    {
      name: 'half a channel for notices',
      args: ['config'],
      env: { SMTP_HOST: 'mail.example.com' },
      code: 2,
      says: /^waypost: ALERT_EMAIL_FROM and ALERT_EMAIL_TO must be set too: SMTP_HOST, ALERT_EMAIL_FROM and ALERT_EMAIL_TO only work together\n$/,
    },
    {
      name: 'a wrong setting of the environment',
      args: ['migrate'],
      env: { DATABASE_POOL: 'many' },
      code: 2,
      says: /^waypost: DATABASE_POOL must [^\n]+\n$/,
    },
    { name: 'a flag that is none', args: ['serve', '--prot', '80'], code: 1, says: /unknown option '--prot'/ },
    { name: 'a flag that is none, without a command', args: ['--prot', '80'], code: 1, says: /unknown option '--prot'/ },
    { name: 'a command that is none', args: ['srve'], code: 1, says: /srve|too many arguments/ },
    { name: 'a flag without its value', args: ['serve', '--port'], code: 1, says: /--port/ },
    {
      name: 'an --env-file that is not there',
      args: ['serve', '--env-file', '/nothing/here'],
      code: 2,
      says: /^waypost: --env-file [^\n]+\n$/,
    },
    {
      name: 'a folder to seed and the demo',
      args: ['seed', '/tmp', '--demo'],
      code: 1,
      says: /^waypost: give either a folder [^\n]+\n$/,
    },
  ] as { name: string; args: string[]; env?: Record<string, string>; code: number; says: RegExp }[])(
    'on the command line, $name ends it: exit $code',
    async ({ args, env, code, says }) => {
      const ended = await runCommand(args, { DATA_DIR: temporaryFolder(), ...env })
      expect({ code: ended.code, err: ended.err }).toEqual({ code, err: expect.stringMatching(says) })
      expect(ended.err).not.toMatch(/\n +at /) // no trace
    },
  )
})

describe('what is shown', () => {
  const secrets: Partial<Record<Name, string>> = {
    DATABASE_URL: 'postgres://waypost:hunter2-url@db.example:5432/waypost',
    DATABASE_PASSWORD: 'hunter2-password',
    ADMIN_TOKEN: 'hunter2-admin-token-of-mine',
    CHAOS_TOKEN: 'hunter2-for-chaos',
  }

  test('`waypost config` lists every setting and where it came from, and no secret', async () => {
    const { code, out, err } = await runCommand(['config'], secrets as Record<string, string>)
    const lines = linesOf(out)
    expect([code, err, Object.keys(lines)]).toEqual([0, '', Object.keys(settings)])
    expect(out).not.toContain('hunter2')
    for (const name of Object.keys(secrets)) expect(lines[name]).toEqual(['(set, not shown)', 'environment'])
  })

  test('every setting whose name suggests a secret is one', () => {
    const telling = (Object.keys(settings) as Name[]).filter((name) => /TOKEN|PASSWORD|SECRET|KEY|DATABASE_URL/.test(name))
    expect(telling.filter((name) => !settings[name].secret)).toEqual([])
  })

  test('--help of every command that has settings lists them all', async () => {
    for (const command of ['serve', 'migrate', 'seed', 'healthcheck', 'config']) {
      const { code, out } = await runCommand([command, '--help'])
      expect(code).toBe(0)
      for (const name of Object.keys(settings)) expect(out).toContain(`${flagOf(name)} <value>`)
    }
  })

  test('`version` says what runs', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    expect((await runCommand(['version'])).out).toStartWith(`waypost ${version} (`)
  })
})

describe('the documents in step with the table (else run `bun docs/generate.ts`)', () => {
  test('.env.example', () => expect(readFileSync(join(root, '.env.example'), 'utf8')).toBe(envExample()))
  test('docs/configuration.md', () => expect(readFileSync(join(root, 'docs/configuration.md'), 'utf8')).toBe(configurationPage()))

  test('.env.example, with its lines taken in use, is valid and changes no default', () => {
    const used = readEnvFile(file('env', envExample().replace(/^# (?=[A-Z_]+=)/gm, '')))
    expect(Object.keys(used)).toEqual(Object.keys(settings))
    const { sources: _, ...values } = readConfig({}, used) as Config
    const { sources: __, ...defaults } = readConfig({}, {}) as Config
    expect(values).toEqual(defaults)
  })
})

const linesOf = (out: string) =>
  Object.fromEntries(
    out
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/))
      .map(([name, ...rest]) => [name, rest]),
  )

function messageOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('it was accepted')
}
