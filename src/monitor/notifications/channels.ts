// The channels for notifications: each has a file and a line here.
import type { Config } from '../../config/config.ts'
import type { Channel } from './channel.ts'
import { email } from './email.ts'
import { webhook } from './webhook.ts'

export const CHANNELS: Channel[] = [email, webhook]

/** Throws ConfigError for an incomplete channel, instead of failing at the first notification. */
export function assertChannels(config: Config) {
  for (const { check } of CHANNELS) check(config)
}
