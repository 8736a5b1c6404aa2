import { ConfigError } from './config.ts'

/** Throws ConfigError if some of these settings are set and others are not. */
export function assertTogether(some: Record<string, unknown>) {
  const names = Object.keys(some)
  const missing = names.filter((name) => some[name] === undefined)
  if (missing.length > 0 && missing.length < names.length)
    throw new ConfigError(
      `${missing.join(' and ')} must be set too: ${names.join(', ').replace(/, (\w+)$/, ' and $1')} only work together`,
    )
}
