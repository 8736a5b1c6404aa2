// Notices by webhook: in the form of Discord or of Slack where the URL is theirs, else JSON signed as Standard Webhooks says.
import { createHmac } from 'node:crypto'
import type { Config } from '../config.ts'
import type { Channel, Outcome } from './channel.ts'
import type { Notice } from './schema.ts'
import { factsOf, meaningOf, runbookOf, textOf, titleOf } from './words.ts'

const WITHIN = 10_000
const LONGEST_REST = 60_000
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/
const WORTH_TRYING = new Set([408, 425, 429])

type Kind = 'discord' | 'slack' | 'webhook'

/** Whose form a webhook's URL wants. */
export function webhookKind(url: string): Kind {
  const host = new URL(url).hostname
  if (/(^|\.)discord(app)?\.com$/.test(host)) return 'discord'
  return /^hooks\.slack(-gov)?\.com$/.test(host) ? 'slack' : 'webhook'
}

/** Undefined where ALERT_WEBHOOK_URL is not set. */
export function webhookChannel({ ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: secret }: Config, runbook: string) {
  if (!url) return undefined
  const name = webhookKind(url)
  const direct = LOOPBACK.test(new URL(url).hostname)
  const channel: Channel = {
    name,
    async send(notice): Promise<Outcome> {
      const body = JSON.stringify(FORMS[name](notice, runbook))
      try {
        const response = await fetch(url, {
          method: 'POST',
          headers: {
            'Content-Type': 'application/json',
            'User-Agent': 'Waypost',
            ...(secret && name === 'webhook' && signed(notice.id, body, secret, Date.now())),
          },
          body,
          redirect: 'manual',
          keepalive: false, // minutes pass between notices: a kept connection would be closed by then
          ...(direct && { proxy: false }),
          signal: AbortSignal.timeout(WITHIN),
        })
        await response.body?.cancel().catch(() => {})
        return outcomeOf(response)
      } catch (error) {
        const { name, code } = error as { name?: string; code?: string }
        if (name === 'TimeoutError') return { sent: false, reason: `it gave no answer within ${WITHIN / 1000} s` }
        return { sent: false, reason: `it cannot be reached (${code ?? name})` } // the message would name the URL, which is secret
      }
    },
  }
  return channel
}

/** The headers of Standard Webhooks; the key is the secret's bytes. */
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

/** What each kind gets as JSON. */
export const FORMS: Record<Kind, (notice: Notice, runbook: string) => object> = {
  discord: (notice, runbook) => ({
    username: 'Waypost',
    allowed_mentions: { parse: [] },
    embeds: [
      {
        title: titleOf(notice).slice(0, 256),
        description: meaningOf(notice),
        color: COLOURS[notice.test ? 'test' : notice.kind],
        timestamp: notice.at,
        fields: factsOf(notice, runbook).map(([name, value]) => ({ name, value: value.slice(0, 1024) })),
      },
    ],
  }),
  slack: (notice, runbook) => ({
    text: `*${escaped(titleOf(notice))}*\n${escaped(textOf(notice, runbook))}`,
  }),
  webhook: (notice, runbook) => {
    const { id, alert, kind, test, since, at, value, limit, unit, help, replicas } = notice
    const words = { title: titleOf(notice), text: textOf(notice, runbook), runbook: runbookOf(notice, runbook) }
    return { id, alert, state: kind, test, since, at, value, limit, unit, help, replicas, ...words }
  },
}

/** Slack's three. */
const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
