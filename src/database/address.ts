// Where the database is: from the settings, as plain data.
import { join, resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import { type DatabaseUrl, hostsOf, readDatabaseUrl } from '../config/database-url.ts'
import { newSession, type Session } from './session.ts'

/** A database's address, as plain data that can be sent to a worker. */
export type DatabaseAddress = External | { kind: 'embedded'; socketFolder: string }

export type External = DatabaseUrl & {
  kind: 'external'
  /** The file that keeps the followed timeline, if there are several hosts. */
  followed: string | undefined
  session: Session
  /** DATABASE_DIRECT_URL: the way to full sessions past a pooler. */
  direct: External | undefined
}

/** The address of the external PostgreSQL that the settings name. */
export function externalAddress(
  config: Partial<Pick<Config, `DATABASE_${'URL' | 'DIRECT_URL' | 'HOST' | 'PORT' | 'NAME' | 'USER' | 'PASSWORD'}` | 'DATA_DIR'>>,
): External {
  const { DATABASE_URL: url, DATABASE_DIRECT_URL: direct } = config
  const ports = config.DATABASE_PORT === undefined ? '' : String(config.DATABASE_PORT)
  const named = url === undefined ? undefined : readDatabaseUrl(url)
  const at = (read: DatabaseUrl): External => ({
    ...read,
    kind: 'external',
    password: read.password ?? config.DATABASE_PASSWORD,
    session: newSession(read.pooled),
    followed: undefined,
    direct: undefined,
  })
  const { hosts, ...found } = at(
    named ?? {
      hosts: hostsOf(config.DATABASE_HOST ?? 'localhost', ports),
      name: config.DATABASE_NAME ?? 'waypost',
      user: config.DATABASE_USER ?? 'postgres',
      settings: {},
      pooled: false,
      ignored: [],
    },
  )
  return {
    ...found,
    hosts,
    followed: hosts.length > 1 && config.DATA_DIR ? join(resolve(config.DATA_DIR), 'primary.json') : undefined,
    direct: direct === undefined ? undefined : at(readDatabaseUrl(direct)),
  }
}
