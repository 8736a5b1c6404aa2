// The settings in effect, from flags, environment, files and defaults. Nothing else reads the environment.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { webhookKind } from './notices/webhook.ts'
import { type Name, settings } from './settings.ts'

type Value<N extends Name> = ReturnType<(typeof settings)[N]['parse']>
export type Source = 'flag' | 'environment' | 'file' | 'default'

/** The effective values, and where each came from. */
export type Config = { [N in Name]: Value<N> } & { sources: Record<Name, Source> }

/** A value that stops the start; its message is one sentence for the operator. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/**
 * Resolves every setting: flag > environment (then --env-file) > NAME_FILE > credential of systemd > default. Throws ConfigError naming the setting.
 * An empty value counts as unset, as in a compose file.
 */
export function readConfig(
  flags: Partial<Record<Name, string>> = {},
  env: Record<string, string | undefined> = process.env,
): Config {
  const config: Record<string, unknown> = {}
  const sources: Record<string, Source> = {}
  for (const [name, { parse }] of Object.entries(settings)) {
    const found = find(name as Name, flags, env)
    sources[name] = found.source
    try {
      config[name] = (parse as (value: string | undefined) => unknown)(found.value)
    } catch (error) {
      throw new ConfigError(
        `${name} ${(error as Error).message}${settings[name as Name].secret ? '' : ` (it is ${JSON.stringify(found.value)})`}`,
      )
    }
  }
  assertNoticesWhole(config as Config)
  return { ...config, sources } as Config
}

/** Half a way for notices would be found out when the first one is due. */
function assertNoticesWhole(config: Config) {
  const { SMTP_HOST, ALERT_EMAIL_FROM, ALERT_EMAIL_TO, SMTP_USER, SMTP_PASSWORD } = config
  const { ALERT_WEBHOOK_URL, ALERT_WEBHOOK_SECRET } = config
  assertTogether({ SMTP_HOST, ALERT_EMAIL_FROM, ALERT_EMAIL_TO })
  assertTogether({ SMTP_USER, SMTP_PASSWORD })
  if (ALERT_WEBHOOK_URL && !ALERT_WEBHOOK_SECRET && webhookKind(ALERT_WEBHOOK_URL) === 'webhook')
    throw new ConfigError(
      'ALERT_WEBHOOK_SECRET must be set: ALERT_WEBHOOK_URL is neither Discord’s nor Slack’s, so notices are signed',
    )
}

function assertTogether(some: Record<string, unknown>) {
  const names = Object.keys(some)
  const missing = names.filter((name) => some[name] === undefined)
  if (missing.length > 0 && missing.length < names.length)
    throw new ConfigError(
      `${missing.join(' and ')} must be set too: ${names.join(', ').replace(/, (\w+)$/, ' and $1')} are used together, or not at all`,
    )
}

/** The variables of a file in dotenv form, for --env-file. Throws ConfigError. */
export function readEnvFile(file: string): Record<string, string | undefined> {
  return parseEnv(readText(file, '--env-file'))
}

/** `PORT` -> `--port`. */
export const flagOf = (name: string) => `--${name.toLowerCase().replaceAll('_', '-')}`

/** True where any DATABASE_* setting (the pool's size aside) asks for a PostgreSQL outside. */
export const isExternal = (config: Config) =>
  [
    config.DATABASE_URL,
    config.DATABASE_HOST,
    config.DATABASE_PORT,
    config.DATABASE_NAME,
    config.DATABASE_USER,
    config.DATABASE_PASSWORD,
  ].some((value) => value !== undefined)

/** A setting's value as it may be shown: secrets are redacted, a URL's password too. */
export function shown(name: Name, config: Config): string | undefined {
  const value = config[name]
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return undefined
  return settings[name].secret ? '(set, not shown)' : String(value)
}

function find(
  name: Name,
  flags: Partial<Record<Name, string>>,
  env: Record<string, string | undefined>,
): { value: string | undefined; source: Source } {
  if (flags[name] !== undefined) return { value: flags[name], source: 'flag' }
  if (env[name]) return { value: env[name], source: 'environment' }
  const file = env[`${name}_FILE`]
  if (file) return { value: readText(file, `${name}_FILE`).trim(), source: 'file' }
  const credential = credentialOf(name, env.CREDENTIALS_DIRECTORY)
  if (credential) return { value: credential, source: 'file' }
  return { value: settings[name].default, source: 'default' }
}

/** Loaded by systemd: LoadCredential=NAME:FILE, or LoadCredential=waypost:FOLDER for all files of a folder, which come as waypost_NAME. */
function credentialOf(name: Name, folder: string | undefined): string | undefined {
  const file = folder && [name, `waypost_${name}`].map((one) => join(folder, one)).find((one) => existsSync(one))
  return file ? readText(file, 'CREDENTIALS_DIRECTORY').trim() : undefined
}

function readText(file: string, from: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError(`${from} names a file that cannot be read: ${file} (${(error as NodeJS.ErrnoException).code})`)
  }
}
