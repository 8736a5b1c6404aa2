// Notices by e-mail, through the operator's SMTP server.
import type { Config } from '../config.ts'
import type { Channel, Outcome } from './channel.ts'
import { textOf, titleOf } from './words.ts'

const STEP_WITHIN = 8_000
const WITHIN = 20_000
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|::1)$/

/** Undefined where SMTP_HOST is not set. */
export function emailChannel(config: Config, runbook: string): Channel | undefined {
  const { SMTP_HOST: host, SMTP_PORT: port, SMTP_USER: user, SMTP_PASSWORD: pass, ALERT_EMAIL_FROM: from } = config
  const to = config.ALERT_EMAIL_TO
  if (!host || !from || !to) return undefined
  const local = LOOPBACK.test(host)
  const options = {
    host,
    port,
    secure: port === 465,
    ignoreTLS: local, // nobody listens in between, and such servers have certificates of their own making
    requireTLS: !local && user !== undefined, // a password never goes in the clear
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
    async send(notice): Promise<Outcome> {
      const { createTransport } = await import('nodemailer') // only who sends mail pays for it
      const domain = from.slice(from.lastIndexOf('@') + 1)
      const sending = createTransport(options).sendMail({
        from,
        to,
        subject: `Waypost ${titleOf(notice)}`,
        text: textOf(notice, runbook),
        messageId: `<${notice.id}@${domain}>`, // a notice that was sent twice is one message
        headers: { 'Auto-Submitted': 'auto-generated' },
      })
      const late = Bun.sleep(WITHIN).then(() => Promise.reject(new Error(`no answer within ${WITHIN / 1000} s`)))
      late.catch(() => {})
      return Promise.race([sending, late]).then(({ rejected }) => ({ sent: true, ...partly(rejected.length) }), failure)
    },
  }
}

const partly = (rejected: number) => (rejected > 0 ? { reason: `the mail server refused ${rejected} of the recipients` } : {})

type SmtpError = Error & { code?: string; responseCode?: number; response?: string; command?: string }

/** What the server says goes along, except to a sign-in: it might repeat what it was told. */
function failure(error: SmtpError): Outcome {
  const { code, responseCode, response, command, message } = error
  if (code === 'EAUTH' || command?.startsWith('AUTH'))
    return { sent: false, reason: `the mail server refused SMTP_USER and SMTP_PASSWORD (${responseCode ?? code})`, final: true }
  if (code === 'ETLS')
    return { sent: false, reason: 'the mail server begins no TLS (STARTTLS), and the password does not go without', final: true }
  const said = (responseCode ? (response ?? String(responseCode)) : message).replace(/\p{Cc}/gu, ' ').slice(0, 160)
  return { sent: false, reason: `the mail server: ${said}`, final: responseCode !== undefined && responseCode >= 500 }
}
