// deploy/alertmanager/make-config knows the same services by their hosts as the notices that Waypost sends itself.
import { expect, test } from 'bun:test'
import { readConfig } from '../../src/config/config.ts'
import { webhookKind } from '../../src/monitor/notifications/webhook-kind.ts'
import { alertmanagerConfig } from '../monitoring.ts'

const CONFIGS = { discord: 'discord_configs', slack: 'slack_configs', webhook: 'webhook_configs' }

test.each([
  ['https://discord.com/api/webhooks/1/x', 'discord'],
  ['https://canary.discord.com/api/webhooks/1/x', 'discord'],
  ['https://ptb.discord.com/api/v10/webhooks/1/x', 'discord'],
  ['https://discordapp.com/api/webhooks/1/x', 'discord'],
  ['https://DISCORD.com:443/api/webhooks/1/x', 'discord'],
  ['https://hooks.slack.com/services/T/B/x', 'slack'],
  ['https://hooks.slack-gov.com/services/T/B/x', 'slack'],
  ['https://notdiscord.com/api/webhooks/1/x', 'webhook'],
  ['https://example.com/?to=discord.com', 'webhook'],
  ['https://discord.com.example.com/api/webhooks/1/x', 'webhook'],
  ['https://user@discord.com/api/webhooks/1/x', 'discord'],
  ['http://127.0.0.1:9000/slack', 'webhook'],
] as const)('%s is %s', async (url, kind) => {
  expect<string>(webhookKind(url)).toBe(kind)
  const { out } = await alertmanagerConfig({ ALERT_WEBHOOK_URL: url })
  expect(out.match(/\w+_configs/g)).toEqual([CONFIGS[kind]])
})

test.each([
  [{ ALERT_EMAIL_FROM: 'waypost@example.com' }, "'waypost@example.com'"],
  [{ ALERT_EMAIL_FROM: 'waypost@example.com', SMTP_USER: 'ada@example.org' }, "'waypost@example.com'"],
  [{ SMTP_USER: 'ada@example.org' }, "'ada@example.org'"],
])('of %j the sender is %s, as for the server', async (mail, sender) => {
  const settings = { SMTP_HOST: 'smtp.example.com', SMTP_PASSWORD: 'secret', ALERT_EMAIL_TO: 'oncall@example.com', ...mail }
  const { out } = await alertmanagerConfig(settings)
  expect(/from: (.*)/.exec(out)?.[1]).toBe(sender)
  if ('SMTP_USER' in mail) expect(readConfig(settings, {}).ALERT_EMAIL_FROM).toBe(sender.slice(1, -1))
})

test('without a sender it says what is missing', async () => {
  const { code, said } = await alertmanagerConfig({
    SMTP_HOST: 'smtp.example.com',
    SMTP_USER: 'ada',
    ALERT_EMAIL_TO: 'oncall@example.com',
  })
  expect(code).not.toBe(0)
  expect(said).toContain('ALERT_EMAIL_TO needs ALERT_EMAIL_FROM, or a SMTP_USER that is an address')
})
