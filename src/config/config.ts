// The settings in effect, from flags, environment, files and defaults. Nothing else reads the environment.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readEnvironment, readSecretFile, readTextFile } from './env-file.ts'
import { mailServiceOf } from './mail-service.ts'
import { mailbox } from './setting-values.ts'
import { type Name, settings } from './settings.ts'

type Value<N extends Name> = ReturnType<(typeof settings)[N]['parse']>
export type Source = 'flag' | 'environment' | 'env-file' | 'file' | 'default' | 'derived'

type Environment = Record<string, string | undefined>

/** The effective values, and where each came from. `initEmpty`: the option --init-empty, which cannot be set permanently. */
export type Config = { [N in Name]: Value<N> } & { sources: Record<Name, Source>; initEmpty?: boolean }

/** An invalid setting, which stops the start; the message is one sentence for the operator. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/**
 * Resolves every setting: flag > environment > `envFile` (the variables of --env-file) > NAME_FILE > systemd credential > default. An empty value
 * counts as unset, as in a compose file. Throws ConfigError naming the setting. assertChannels checks that the settings of a notification channel are
 * complete.
 */
export function readConfig(
  flags: Partial<Record<Name, string>> = {},
  env: Environment = process.env,
  envFile: Environment = {},
): Config {
  const config: Record<string, unknown> = {}
  const sources: Record<string, Source> = {}
  for (const [name, { parse }] of Object.entries(settings)) {
    const found = find(name as Name, flags, env, envFile)
    sources[name] = found.source
    try {
      config[name] = (parse as (value: string | undefined) => unknown)(found.value)
    } catch (error) {
      throw new ConfigError(
        `${name} ${(error as Error).message}${settings[name as Name].secret ? '' : ` (it is ${JSON.stringify(found.value)})`}`,
      )
    }
  }
  const read = { ...config, sources } as Config
  completeMail(read)
  if (read.DATABASE_DIRECT_URL !== undefined && !isExternal(read))
    throw new ConfigError('DATABASE_URL must be set too: DATABASE_DIRECT_URL is another way to the same database')
  return read
}

/** Derives the sender from an SMTP_USER that is an address, and the mail server from its provider. */
function completeMail(config: Config) {
  const { SMTP_USER: user, SMTP_PASSWORD, ALERT_EMAIL_TO, sources } = config
  if (user === undefined || SMTP_PASSWORD === undefined || ALERT_EMAIL_TO === undefined || !isMailbox(user)) return
  if (config.SMTP_HOST === undefined) {
    const service = mailServiceOf(user)
    if (!service)
      throw new ConfigError(
        `SMTP_HOST must be set: the mail server of ${user.slice(user.lastIndexOf('@') + 1)} is unknown, only those of common providers are built in`,
      )
    config.SMTP_HOST = service.host
    sources.SMTP_HOST = 'derived'
    if (sources.SMTP_PORT === 'default') {
      config.SMTP_PORT = service.port
      sources.SMTP_PORT = 'derived'
    }
  }
  if (config.ALERT_EMAIL_FROM === undefined) {
    config.ALERT_EMAIL_FROM = user
    sources.ALERT_EMAIL_FROM = 'derived'
  }
}

function isMailbox(text: string): boolean {
  try {
    return mailbox(text) === text
  } catch {
    return false
  }
}

/** Reads a file for --env-file, in the syntax of systemd's EnvironmentFile=. Throws ConfigError, which names the line. */
export function readEnvFile(file: string): Record<string, string | undefined> {
  const text = named('--env-file', () => readTextFile(file))
  try {
    return readEnvironment(text)
  } catch (error) {
    throw new ConfigError(`--env-file ${file}, ${(error as Error).message}`)
  }
}

/** `PORT` -> `--port`. */
export const flagOf = (name: string) => `--${name.toLowerCase().replaceAll('_', '-')}`

/** True if any DATABASE_* setting, except the pool's size, names an external PostgreSQL. */
export const isExternal = (config: Config) =>
  [
    config.DATABASE_URL,
    config.DATABASE_HOST,
    config.DATABASE_PORT,
    config.DATABASE_NAME,
    config.DATABASE_USER,
    config.DATABASE_PASSWORD,
  ].some((value) => value !== undefined)

/** The settings that differ. */
export const changedSettings = (before: Config, now: Config) =>
  (Object.keys(settings) as Name[]).filter((name) => String(now[name]) !== String(before[name]))

/** A setting's value as it may be shown; secrets, the URLs with a password among them, are redacted. */
export function shown(name: Name, config: Config): string | undefined {
  const value = config[name]
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return undefined
  return settings[name].secret ? '(set, not shown)' : String(value)
}

function find(
  name: Name,
  flags: Partial<Record<Name, string>>,
  env: Environment,
  envFile: Environment,
): { value: string | undefined; source: Source } {
  if (flags[name] !== undefined) return { value: flags[name], source: 'flag' }
  if (env[name]) return { value: env[name], source: 'environment' }
  if (envFile[name]) return { value: envFile[name], source: 'env-file' }
  const file = env[`${name}_FILE`] || envFile[`${name}_FILE`]
  if (file) return { value: named(`${name}_FILE`, () => readSecretFile(file)), source: 'file' }
  const credential = credentialOf(name, env.CREDENTIALS_DIRECTORY || envFile.CREDENTIALS_DIRECTORY)
  if (credential) return { value: credential, source: 'file' }
  return { value: settings[name].default, source: 'default' }
}

/** A credential from systemd: LoadCredential=NAME:FILE, or LoadCredential=waypost:FOLDER for a whole folder, whose files appear as waypost_NAME. */
function credentialOf(name: Name, folder: string | undefined): string | undefined {
  const file = folder && [name, `waypost_${name}`].map((one) => join(folder, one)).find((one) => existsSync(one))
  return file ? named('CREDENTIALS_DIRECTORY', () => readSecretFile(file)) : undefined
}

function named(from: string, read: () => string): string {
  try {
    return read()
  } catch (error) {
    throw new ConfigError(`${from} names ${(error as Error).message}`)
  }
}
