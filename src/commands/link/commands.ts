// `waypost link …`: links over the API of a running server.
import type { Command } from 'commander'
import { visible } from '../../base/visible.ts'
import { type Config, ConfigError } from '../../config/config.ts'
import { LinkQuery } from '../../links/filter.ts'
import { QrQuery } from '../../links/qr-query.ts'
import { type Link, LinkChange, NewLink } from '../../links/schema.ts'
import { bodyOf, fieldsOf } from './fields.ts'
import { givenIn, type Values, withFields, withFlags } from './flags.ts'
import { findLink } from './found.ts'
import { listLinks } from './list.ts'
import { openTarget } from './open.ts'
import { exitCodeOf } from './outcome.ts'
import { writeQr } from './qr.ts'
import { ask, askJson, type Server, serverOf } from './server.ts'
import { jsonText, onTerminal, print, printLink } from './shown.ts'

/** Creates a command below `link`, with the flags that all of them have. */
type Declare = (usage: string, description: string) => Command
type ConfigOf = (values: Values) => Config

const NEW = fieldsOf(NewLink, ['original_url'])
const CHANGED = fieldsOf(LinkChange)
const FILTERS = fieldsOf(LinkQuery, ['page', 'per_page', 'cursor'])
const QR = fieldsOf(QrQuery)

const LINK = 'an id, a code or a short URL'
const DEFAULT_LIMIT = '20'

export function addLinkCommands(declare: Declare, configOf: ConfigOf) {
  withFields(withOutput(declare('add <target>', 'Create a link to a target.')), NEW).action((target: string, values: Values) =>
    run(configOf, values, async (server, json) => {
      const body = { original_url: target, ...bodyOf(NEW, givenIn(values, NEW)) }
      await printLink(await askJson<Link>(server, 'POST', '/urls', body), json)
    }),
  )
  withOutput(declare('get <link>', `Show a link: ${LINK}.`)).action((link: string, values: Values) =>
    run(configOf, values, async (server, json) => printLink(await findLink(server, link), json)),
  )
  withFlags(withOutput(declare('list', 'List links.')), FILTERS)
    .option('--limit <number>', 'how many links', DEFAULT_LIMIT)
    .option('--all', 'all links, however many')
    .action((values: Values) =>
      run(configOf, values, (server, json) => listLinks(server, givenIn(values, FILTERS), limitIn(values), json)),
    )
  withFields(
    withOutput(declare('set <link>', `Change fields of a link: ${LINK}. An empty value clears a field.`)),
    CHANGED,
  ).action((link: string, values: Values) =>
    run(configOf, values, async (server, json) => {
      const body = bodyOf(CHANGED, givenIn(values, CHANGED))
      if (Object.keys(body).length === 0) throw new ConfigError('give at least one field to change, such as --title')
      const { id } = await findLink(server, link)
      await printLink(await askJson<Link>(server, 'PATCH', `/urls/${id}`, body), json)
    }),
  )
  withOutput(declare('rm <links...>', 'Delete links. Their codes are never issued again.'))
    .option('--purge', 'erase their events and totals, too')
    .option('--reason <text>', 'kept in the audit log')
    .action((texts: string[], values: Values) =>
      run(configOf, values, async (server, json) => {
        const links = await Array.fromAsync(texts, (text) => findLink(server, text)) // all are looked up before one is deleted
        const query = new URLSearchParams({
          ...(values.purge === true && { purge: 'true' }),
          ...(typeof values.reason === 'string' && { reason: values.reason }),
        })
        for (const { id, short_code } of links) {
          await ask(server, 'DELETE', `/urls/${id}?${query}`)
          if (!json) await print(`deleted ${visible(short_code)}\n`)
        }
        if (json) await print(`${jsonText(links, 2)}\n`)
      }),
    )
  declare('open <link>', 'Open the target of a link in the browser. Prints it on a machine without one.').action(
    (link: string, values: Values) => run(configOf, values, async (server) => openTarget(await findLink(server, link))),
  )
  withFlags(
    declare(
      'qr <link> [file]',
      'Write the QR code of a link to a file (.svg or .png). Without a file, draws it on the terminal, or prints SVG into a pipe.',
    ),
    QR,
  ).action((link: string, file: string | undefined, values: Values) =>
    run(configOf, values, async (server) =>
      writeQr(server, await findLink(server, link), file, Object.fromEntries(givenIn(values, QR))),
    ),
  )
}

const withOutput = (command: Command) => command.option('--json', 'JSON, also on a terminal')

function limitIn({ limit, all }: Values): number {
  if (all === true) return Number.POSITIVE_INFINITY
  const number = Number(limit)
  if (!Number.isSafeInteger(number) || number < 1) throw new ConfigError('--limit must be a whole number from 1 up')
  return number
}

async function run(configOf: ConfigOf, values: Values, work: (server: Server, json: boolean) => Promise<unknown>) {
  try {
    await work(serverOf(configOf(values)), values.json === true || !onTerminal())
  } catch (error) {
    console.error(`waypost: ${visible((error as Error).message)}`)
    process.exit(exitCodeOf(error))
  }
}
