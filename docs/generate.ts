// Writes .env.example and docs/configuration.md from the table of settings: `bun docs/generate.ts` after a change of src/settings.ts.
import { join } from 'node:path'
import { flagOf } from '../src/config.ts'
import { settings } from '../src/settings.ts'

type Setting = { default: string | undefined; help: string; secret: boolean }
const table = Object.entries(settings) as [name: string, setting: Setting][]

/** The text of .env.example: every setting with its help, commented out, so that a copy changes nothing until it is edited. */
export function envExample(): string {
  const blocks = table.map(([name, { default: byDefault = '', help }]) => `# ${help}\n# ${name}=${byDefault}\n`)
  return `# Settings of Waypost, for: waypost --env-file FILE (a .env that merely lies there is not read).
# Written by \`bun docs/generate.ts\`; what each does is also in docs/configuration.md.

${blocks.join('\n')}`
}

/** The text of docs/configuration.md. */
export function configurationPage(): string {
  const rows = [
    ['Setting', 'Flag', 'Default', 'What it does'],
    ...table.map(([name, { default: byDefault, help, secret }]) => [
      `\`${name}\``,
      `\`${flagOf(name)}\``,
      byDefault === undefined ? '' : `\`${byDefault}\``,
      (secret ? `${help} _Secret._` : help).replaceAll('|', '\\|'),
    ]),
  ]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`)
  const [head, ...body] = lines // aligned as the formatter wants it
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return `<!-- Written by \`bun docs/generate.ts\` from src/settings.ts: change it there. -->

# Configuration

Every setting can be given in four ways. The first that is there counts:

1. a flag of the command: \`--port 9000\`;
2. the environment: \`PORT=9000\`, and after it the file that \`--env-file FILE\` names. A \`.env\` in the working directory is
   never read by itself;
3. a file that holds the value, for secrets: \`ADMIN_TOKEN_FILE=/run/secrets/admin-token\`;
   then a credential of systemd, \`LoadCredential=ADMIN_TOKEN:/etc/waypost/secrets/ADMIN_TOKEN\`;
4. the default.

An empty value counts as unset. A wrong value stops the start with one sentence that names the setting, and exit code 2.
\`waypost config\` prints what is in force and where each value came from; secrets are not shown.

${[head, rule, ...body].join('\n')}
`
}

if (import.meta.main) {
  const root = join(import.meta.dir, '..')
  await Bun.write(join(root, '.env.example'), envExample())
  await Bun.write(join(root, 'docs/configuration.md'), configurationPage())
}
