// Writes .env.example and docs/configuration.md from the table of settings, and the table of docs/alerts.md from the alerts: `bun docs/generate.ts`
// after a change of src/config/settings.ts or src/monitor/alerts.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { flagOf } from '../src/config/config.ts'
import { settings } from '../src/config/settings.ts'
import { ALERTS } from '../src/monitor/alerts/index.ts'

type Setting = { default: string | undefined; help: string; secret: boolean }
const table = Object.entries(settings) as [name: string, setting: Setting][]

/** The text of .env.example: every setting with its help, commented out, so that a copy changes nothing until it is edited. */
export function envExample(): string {
  const blocks = table.map(([name, { default: byDefault = '', help }]) => `# ${help}\n# ${name}=${byDefault}\n`)
  return `# Settings of Waypost, for: waypost --env-file FILE (a .env in the working directory is not read automatically).
# Written by \`bun docs/generate.ts\`; what each does is also in docs/configuration.md.

${blocks.join('\n')}`
}

/** The text of docs/configuration.md. */
export function configurationPage(): string {
  const rows = table.map(([name, { default: byDefault, help, secret }]) => [
    `\`${name}\``,
    `\`${flagOf(name)}\``,
    byDefault === undefined ? '' : `\`${byDefault}\``,
    (secret ? `${help} _Secret._` : help).replaceAll('|', '\\|'),
  ])
  return `<!-- Written by \`bun docs/generate.ts\` from src/config/settings.ts: change it there. -->

# Configuration

Every setting can be given in four ways. The first one found counts:

1. a flag of the command: \`--port 9000\`;
2. the environment: \`PORT=9000\`, and after it the file that \`--env-file FILE\` names. A \`.env\` in the working directory is
   not read automatically;
3. a file that contains the value, for secrets: \`ADMIN_TOKEN_FILE=/run/secrets/admin-token\`;
   then a credential of systemd, \`LoadCredential=ADMIN_TOKEN:/etc/waypost/secrets/ADMIN_TOKEN\`;
4. the default.

An empty value counts as unset. A wrong value stops the start with one sentence that names the setting, and exit code 2.
\`waypost config\` prints every value in force and its source, without secrets.

The settings that you will need first:

- \`PORT\`, \`HOST\`: where it listens.
- \`DATA_DIR\`: the embedded database, the journals and all other data.
- \`DATABASE_URL\`: your PostgreSQL, 14 to 18. Unset, the embedded one.
- \`ADMIN_TOKEN\`: see [access.md](access.md).
- \`TRUSTED_PROXIES\`: how many proxies in front add to \`X-Forwarded-For\`.
- \`PUBLIC_URL\`: the base of every \`short_url\`.

A file for \`--env-file\` is read as systemd reads one ([decision 0030](decisions/0030-env-files.md)): \`NAME=value\` lines. A \`#\`
within a value is part of it, and a comment needs its own line. \`'…'\` or \`"…"\` may surround a value, and nothing is expanded.

Units: seconds may be \`90s\`, \`5min\`, \`2h\` or \`1d\`, days \`30d\` or \`4w\`, bytes \`64MiB\`, \`64m\` (1,024 × 1,024) or \`64MB\`
(a million). Log levels may have the names of syslog and others (\`WARNING\`, \`ERR\`, \`CRITICAL\`), and \`on\` and \`off\` may be
\`yes\` and \`no\`, or \`true\` and \`false\`.

For e-mail through a known provider (Gmail, Outlook, Yahoo, iCloud, Fastmail, Zoho, GMX, WEB.DE, mailbox.org, Posteo, T-Online
and those in nodemailer) set only \`SMTP_USER\`, \`SMTP_PASSWORD\` and \`ALERT_EMAIL_TO\`.

${tableOf(['Setting', 'Flag', 'Default', 'What it does'], rows)}
`
}

const ALERTS_TABLE = /(<!-- Written by .* -->\n\n)\|[\s\S]*?(\n\n<!-- -->)/

/** The text of docs/alerts.md: `page`, with the table of the alerts as they are. */
export function alertsPage(page: string): string {
  const rows = ALERTS.map(({ name, when, help }) => [`\`${name}\``, when, help])
  const text = tableOf(['Alert', 'Fires when', 'What it means'], rows)
  return page.replace(ALERTS_TABLE, (_, begin, end) => begin + text + end)
}

/** Aligned as the formatter wants it. */
function tableOf(head: string[], rows: string[][]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)))
  const line = (row: string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(head), rule, ...rows.map(line)].join('\n')
}

if (import.meta.main) {
  const root = join(import.meta.dir, '..')
  await Bun.write(join(root, '.env.example'), envExample())
  await Bun.write(join(root, 'docs/configuration.md'), configurationPage())
  const alerts = join(root, 'docs/alerts.md')
  await Bun.write(alerts, alertsPage(readFileSync(alerts, 'utf8')))
}
