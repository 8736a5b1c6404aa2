// Notifications by webhook: in the format of Discord or Slack for their URLs, else JSON signed as in Standard Webhooks.
import { createHmac } from 'node:crypto'
import { isLoopback } from '../../base/ip.ts'
import { type Config, ConfigError } from '../../config/config.ts'
import type { Channel, OpenChannel, Outcome } from './channel.ts'
import type { Notification } from './schema.ts'
import { factsOf, meaningOf, runbookOf, textOf, titleOf } from './texts.ts'
import { type WebhookKind, webhookKind } from './webhook-kind.ts'

const WITHIN = 10_000
const LONGEST_REST = 60_000
const WORTH_TRYING = new Set([408, 425, 429])

export const webhook: Channel = {
  needs: 'ALERT_WEBHOOK_URL',
  check({ ALERT_WEBHOOK_URL, ALERT_WEBHOOK_SECRET }) {
    if (ALERT_WEBHOOK_URL && !ALERT_WEBHOOK_SECRET && webhookKind(ALERT_WEBHOOK_URL) === 'webhook')
      throw new ConfigError(
        'ALERT_WEBHOOK_SECRET must be set: ALERT_WEBHOOK_URL is neither Discord’s nor Slack’s, so notifications are signed',
      )
  },
  open,
}

/** The channel's name depends on the URL: discord, slack or webhook. */
function open({ ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: secret }: Config, runbook: string): OpenChannel | undefined {
  if (!url) return undefined
  const name = webhookKind(url)
  const direct = isLoopback(new URL(url).hostname)
  return {
    name,
    async send(notification): Promise<Outcome> {
      const body = JSON.stringify(FORMS[name](notification, runbook))
      try {
        const response = await fetch(url, {
          method: 'POST',
          headers: {
            'Content-Type': 'application/json',
            'User-Agent': 'Waypost',
            ...(secret && name === 'webhook' && signed(notification.id, body, secret, Date.now())),
          },
          body,
          redirect: 'manual',
          keepalive: false, // minutes pass between notifications: the connection would be closed by then
          ...(direct && { proxy: false }),
          signal: AbortSignal.timeout(WITHIN),
        })
        await response.body?.cancel().catch(() => {})
        return outcomeOf(response)
      } catch (error) {
        const { name, code } = error as { name?: string; code?: string }
        if (name === 'TimeoutError') return { sent: false, reason: `no answer within ${WITHIN / 1000} s` }
        return { sent: false, reason: `unreachable (${code ?? name})` } // the message contains the URL, which is secret
      }
    },
  }
}

/** The headers of Standard Webhooks; the key is the bytes of the secret. */
export function signed(id: string, body: string, secret: string, now: number): Record<string, string> {
  const time = String(Math.floor(now / 1000))
  const signature = createHmac('sha256', secret).update(`${id}.${time}.${body}`).digest('base64')
  return { 'Webhook-Id': id, 'Webhook-Timestamp': time, 'Webhook-Signature': `v1,${signature}` }
}

function outcomeOf({ ok, status, headers }: Response): Outcome {
  if (ok) return { sent: true }
  if (status >= 300 && status < 400)
    return { sent: false, reason: `it answered ${status}, and redirects are not followed`, final: true }
  const seconds = Number(headers.get('retry-after') ?? 0)
  const after = seconds > 0 ? Math.min(LONGEST_REST, seconds * 1000) : undefined
  return { sent: false, reason: `it answered ${status}`, final: status < 500 && !WORTH_TRYING.has(status), after }
}

const COLOURS = { firing: 0xd0342c, recovered: 0x2e8b57, test: 0x808080 }

/** The JSON for each kind of webhook. */
export const FORMS: Record<WebhookKind, (notification: Notification, runbook: string) => object> = {
  discord: (notification, runbook) => ({
    username: 'Waypost',
    allowed_mentions: { parse: [] },
    embeds: [
      {
        title: titleOf(notification).slice(0, 256),
        description: meaningOf(notification),
        color: COLOURS[notification.test ? 'test' : notification.kind],
        timestamp: notification.at,
        fields: factsOf(notification, runbook).map(([name, value]) => ({ name, value: value.slice(0, 1024) })),
      },
    ],
  }),
  slack: (notification, runbook) => ({
    text: `*${escaped(titleOf(notification))}*\n${escaped(textOf(notification, runbook))}`,
  }),
  webhook: (notification, runbook) => {
    const { id, alert, kind, test, since, at, value, limit, unit, help, replicas } = notification
    const words = { title: titleOf(notification), text: textOf(notification, runbook), runbook: runbookOf(notification, runbook) }
    return { id, alert, state: kind, test, since, at, value, limit, unit, help, replicas, ...words }
  },
}

/** Escapes the three characters that Slack requires. */
const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
