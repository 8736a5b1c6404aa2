// The usual spellings of settings, and what follows from others: levels, switches, times, sizes, the mail server of a usual provider.
import { describe, expect, test } from 'bun:test'
import { readConfig } from '../../src/config/config.ts'
import type { Name } from '../../src/config/settings.ts'
import { assertChannels } from '../../src/monitor/notifications/channels.ts'

describe('a setting in a usual spelling', () => {
  test.each<[Name, string, unknown]>([
    ['LOG_LEVEL', 'WARNING', 'warn'],
    ['LOG_LEVEL', 'Warn', 'warn'],
    ['LOG_LEVEL', 'ERR', 'error'],
    ['LOG_LEVEL', 'CRITICAL', 'fatal'],
    ['LOG_LEVEL', 'NOTICE', 'info'],
    ['LOG_LEVEL', 'VERBOSE', 'debug'],
    ['LOG_LEVEL', 'TRACE', 'trace'],
    ['AUTH', 'yes', 'on'],
    ['AUTH', 'TRUE', 'on'],
    ['AUTH', '0', 'off'],
    ['AUTH', 'False', 'off'],
    ['SECOND_TIER', 'redis', 'valkey'],
    ['SECOND_TIER', 'off', 'none'],
    ['PRIVATE_TARGETS', 'deny', 'refuse'],
    ['VISITOR_ADDRESS', 'off', 'none'],
    ['DRAIN_WAIT', '10s', 10],
    ['DRAIN_WAIT', '500ms', null],
    ['MAX_STALENESS', '2 min', 120],
    ['STALE_LIMIT', '1h30m', 5_400],
    ['EDGE_MAX_AGE', '2d', 172_800],
    ['JOURNAL_KEEP', '0', 0],
    ['HSTS_MAX_AGE', '52 weeks', 31_449_600],
    ['EVENTS_KEEP_DAYS', '30d', 30],
    ['EVENTS_KEEP_DAYS', '720h', 30],
    ['EVENTS_KEEP_DAYS', '36h', null],
    ['CACHE_BYTES', '64MiB', 64 * 1024 ** 2],
    ['CACHE_BYTES', '64MB', 64_000_000],
    ['CACHE_BYTES', '64m', 64 * 1024 ** 2],
    ['CACHE_BYTES', '1.5 GiB', 1.5 * 1024 ** 3],
    ['JOURNAL_MAX_BYTES', '1g', 1024 ** 3],
    ['DISK_FREE_MIN', '10 GB', 10_000_000_000],
    ['DISK_FREE_MIN', '5%', null],
    ['PORT', ' 8081 ', 8081],
    ['RATE_CREATE', '60/minute', '60/minute'],
    ['RATE_READ', '5/sec', '5/sec'],
    ['RATE_READ', '5/fortnight', null],
    ['LOG_LEVEL', '30', null],
    ['AUTH', 'maybe', null],
  ])('%s=%s', (name, value, expected) => {
    if (expected !== null) expect(readConfig({}, { [name]: value })[name]).toEqual(expected as never)
    else expect(() => readConfig({}, { [name]: value })).toThrow(new RegExp(`^${name} must `))
  })
})

describe('mail by a user and a password alone', () => {
  const mail = (SMTP_USER: string, more: Record<string, string> = {}) => {
    const config = readConfig({}, { SMTP_USER, SMTP_PASSWORD: 'secret', ALERT_EMAIL_TO: 'ops@example.com', ...more })
    assertChannels(config)
    return config
  }

  test.each([
    ['me@gmail.com', 'smtp.gmail.com', 465],
    ['me@Googlemail.com', 'smtp.gmail.com', 465],
    ['me@outlook.com', 'smtp-mail.outlook.com', 587],
    ['me@hotmail.co.uk', 'smtp-mail.outlook.com', 587],
    ['me@yahoo.de', 'smtp.mail.yahoo.com', 465],
    ['me@icloud.com', 'smtp.mail.me.com', 587],
    ['me@fastmail.com', 'smtp.fastmail.com', 465],
    ['me@zoho.eu', 'smtp.zoho.eu', 465],
    ['me@gmx.de', 'mail.gmx.net', 587],
    ['me@gmx.com', 'mail.gmx.com', 587],
    ['me@web.de', 'smtp.web.de', 587],
    ['me@mailbox.org', 'smtp.mailbox.org', 465],
    ['me@posteo.net', 'posteo.de', 465],
    ['me@t-online.de', 'securesmtp.t-online.de', 465],
  ])('%s goes by %s:%d', (user, host, port) => {
    const config = mail(user)
    expect([config.SMTP_HOST, config.SMTP_PORT, config.ALERT_EMAIL_FROM]).toEqual([host, port, user])
    expect([config.sources.SMTP_HOST, config.sources.ALERT_EMAIL_FROM]).toEqual(['derived', 'derived'])
  })

  test('what is set counts', () => {
    const config = mail('me@gmail.com', { SMTP_PORT: '587', ALERT_EMAIL_FROM: 'waypost@gmail.com' })
    expect([config.SMTP_HOST, config.SMTP_PORT, config.ALERT_EMAIL_FROM]).toEqual(['smtp.gmail.com', 587, 'waypost@gmail.com'])
    const own = mail('me@example.com', { SMTP_HOST: 'mail.example.com' })
    expect([own.SMTP_HOST, own.SMTP_PORT, own.ALERT_EMAIL_FROM]).toEqual(['mail.example.com', 587, 'me@example.com'])
  })

  test.each([
    ['me@example.com', /^SMTP_HOST must be set: the mail server of example\.com is unknown/],
    ['me@tutanota.com', /^SMTP_HOST must be set: the mail server of tutanota\.com is unknown/],
    ['gmail', /^SMTP_HOST and ALERT_EMAIL_FROM must be set too/],
  ])('%s stops the start with a sentence', (user, sentence) => {
    expect(() => mail(user)).toThrow(sentence)
  })
})
