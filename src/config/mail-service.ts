// The mail server of a common provider, by the domain of an address.
import wellKnown from 'nodemailer/lib/well-known'

type MailService = { host: string; port: number }

const MICROSOFT = { host: 'smtp-mail.outlook.com', port: 587 }
const YAHOO = { host: 'smtp.mail.yahoo.com', port: 465 }
const GMX = { host: 'mail.gmx.net', port: 587 }

/** Providers that nodemailer's list lacks, or lists with another server than the provider documents. */
const MORE: [RegExp, MailService][] = [
  [/^(outlook|hotmail|live|msn)\.[a-z.]+$/, MICROSOFT],
  [/^(yahoo|ymail|rocketmail)\.[a-z.]+$/, YAHOO],
  [/^gmx\.(net|de|at|ch)$/, GMX],
  [/^web\.de$/, { host: 'smtp.web.de', port: 587 }],
  [/^(mailbox\.org|secure\.mailbox\.org)$/, { host: 'smtp.mailbox.org', port: 465 }],
  [/^posteo\.[a-z]+$/, { host: 'posteo.de', port: 465 }],
  [/^t-online\.de$/, { host: 'securesmtp.t-online.de', port: 465 }],
  [/^freenet\.de$/, { host: 'mx.freenet.de', port: 587 }],
  [/^(zoho|zohomail)\.(com|eu|in)$/, { host: 'smtp.zoho.com', port: 465 }],
  [/^mail\.ru$/, { host: 'smtp.mail.ru', port: 465 }],
]
/** In nodemailer's list, but without SMTP access. */
const NONE = /^(tutanota|tutamail|tuta)\./

/** Undefined for private domains and unknown providers. */
export function mailServiceOf(address: string): MailService | undefined {
  const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase()
  if (!domain.includes('.') || NONE.test(domain)) return undefined
  const [, more] = MORE.find(([domains]) => domains.test(domain)) ?? []
  if (more) return domain.endsWith('.eu') && more.host === 'smtp.zoho.com' ? { ...more, host: 'smtp.zoho.eu' } : more
  const { host, port } = wellKnown(address.toLowerCase()) || {}
  return host && port ? { host, port: Number(port) } : undefined
}
