import type { Config } from '../../config/config.ts'
import type { Notification } from './schema.ts'

/** `final`: do not retry. `after`: ms to wait before a retry. A reason never contains a password or the secret part of a URL. */
export type Outcome = { sent: true; reason?: string } | { sent: false; reason: string; final?: boolean; after?: number }

/** A channel for notifications. */
export type Channel = {
  /** The settings that it needs, as a text. */
  needs: string
  /** Throws ConfigError for settings that cannot work. */
  check: (config: Config) => void
  /** Undefined if its settings are unset. `runbook`: the URL of the runbook without the alert's name. */
  open: (config: Config, runbook: string) => OpenChannel | undefined
}

/** `name`: its name in the API, in lower case. `send` never throws, and has a deadline. */
export type OpenChannel = { name: string; send: (notification: Notification) => Promise<Outcome> }
