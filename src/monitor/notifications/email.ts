// Notifications by e-mail, through the operator's SMTP server.

import { isLoopback } from '../../base/ip.ts'
import { within } from '../../base/time-limit.ts'
import type { Config } from '../../config/config.ts'
import { assertTogether } from '../../config/together.ts'
import type { Channel, OpenChannel, Outcome } from './channel.ts'
import { textOf, titleOf } from './texts.ts'

const STEP_WITHIN = 8_000
const WITHIN = 20_000

export const email: Channel = {
  needs: 'SMTP_HOST, ALERT_EMAIL_FROM and ALERT_EMAIL_TO',
  check({ SMTP_HOST, ALERT_EMAIL_FROM, ALERT_EMAIL_TO, SMTP_USER, SMTP_PASSWORD }) {
    assertTogether({ SMTP_HOST, ALERT_EMAIL_FROM, ALERT_EMAIL_TO })
    assertTogether({ SMTP_USER, SMTP_PASSWORD })
  },
  open,
}

function open(config: Config, runbook: string): OpenChannel | undefined {
  const { SMTP_HOST: host, SMTP_PORT: port, SMTP_USER: user, SMTP_PASSWORD: pass, ALERT_EMAIL_FROM: from } = config
  const to = config.ALERT_EMAIL_TO
  if (!host || !from || !to) return undefined
  const local = isLoopback(host)
  const options = {
    host,
    port,
    secure: port === 465,
    ignoreTLS: local, // loopback needs no TLS, and local servers have self-signed certificates
    requireTLS: !local && user !== undefined, // never send a password unencrypted
    auth: user === undefined ? undefined : { user, pass },
    connectionTimeout: STEP_WITHIN,
    greetingTimeout: STEP_WITHIN,
    socketTimeout: STEP_WITHIN,
    dnsTimeout: STEP_WITHIN,
    disableFileAccess: true,
    disableUrlAccess: true,
  }

  return {
    name: 'email',
    async send(notification): Promise<Outcome> {
      const { createTransport } = await import('nodemailer') // load it only if mail is sent
      const domain = from.slice(from.lastIndexOf('@') + 1)
      const sending = createTransport(options).sendMail({
        from,
        to,
        subject: `Waypost ${titleOf(notification)}`,
        text: textOf(notification, runbook),
        messageId: `<${notification.id}@${domain}>`, // mail clients show a notification that was sent twice as one
        headers: { 'Auto-Submitted': 'auto-generated' },
      })
      const late = () => new Error(`no answer within ${WITHIN / 1000} s`)
      return within(sending, WITHIN, late).then(({ rejected }) => ({ sent: true, ...partly(rejected.length) }), failure)
    },
  }
}

const partly = (rejected: number) => (rejected > 0 ? { reason: `the mail server refused ${rejected} of the recipients` } : {})

type SmtpError = Error & { code?: string; responseCode?: number; response?: string; command?: string }

/** Includes the server's response, except to a sign-in: it might repeat the credentials. */
function failure(error: SmtpError): Outcome {
  const { code, responseCode, response, command, message } = error
  if (code === 'EAUTH' || command?.startsWith('AUTH'))
    return { sent: false, reason: `the mail server refused SMTP_USER and SMTP_PASSWORD (${responseCode ?? code})`, final: true }
  if (code === 'ETLS')
    return {
      sent: false,
      reason: 'the mail server does not offer TLS (STARTTLS), which is required to send the password',
      final: true,
    }
  const text = (responseCode ? (response ?? String(responseCode)) : message).replace(/\p{Cc}/gu, ' ').slice(0, 160)
  return { sent: false, reason: `the mail server: ${text}`, final: responseCode !== undefined && responseCode >= 500 }
}
