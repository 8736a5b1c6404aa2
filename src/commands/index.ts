// The command line. Each command has its own file in this folder; every setting is also a flag of every command but `link`.
import { Argument, Command, Option } from 'commander'
import { SCOPES } from '../base/scope.ts'
import { version } from '../base/version.ts'
import { type Config, ConfigError, flagOf, readConfig, readEnvFile } from '../config/config.ts'
import { type Name, settings } from '../config/settings.ts'
import { DatabaseRefuses, DatabaseUnreachable } from '../database/database-unreachable.ts'
import { assertChannels } from '../monitor/notifications/channels.ts'
import { SHELLS } from './completion/shells.ts'

const NAMES = Object.keys(settings) as Name[]
/** The settings that are flags of `waypost link`: others have the names of fields of a link. */
const CLIENT = ['WAYPOST_URL', 'WAYPOST_KEY'] as const
/** The exit code for an invalid setting. */
const USAGE = 2

/** Runs the command in `argv` (without the program), `serve` by default. Sets the exit code: 2 for an invalid setting. */
export async function run(argv: string[]) {
  const program = new Command('waypost')
    .description('A self-hosted URL shortener that survives.')
    .version(version.text, '-v, --version')
    .showHelpAfterError('(--help lists commands and options)')

  opening('serve', 'Serve the API, redirects and the console (the default).', { isDefault: true }).action(async (options) =>
    (await import('./serve.ts')).serve(() => configOf(options), argv),
  )
  opening('replica', '', { hidden: true }).action(async (options) =>
    (await import('./replica.ts')).replicaOfSeveral(() => configOf(options)),
  )
  opening('embedded-database', '', { hidden: true }).action(async (options) =>
    (await import('./embedded-database.ts')).embeddedDatabase(configOf(options)),
  )
  command(
    'reload',
    'Replace the replicas of a running `serve --processes N` one by one, with the settings and the executable of now.',
  ).action(async (options) => (await import('./reload.ts')).reload(configOf(options)))
  opening('migrate', 'Migrate the database to the schema of this release.')
    .option('--status', 'only list the migrations')
    .action(async (options) => (await import('./migrate.ts')).migrateCommand(configOf(options), options.status === true))
  opening('seed [folder]', 'Import users.csv, urls.csv and events.csv from a folder.')
    .option('--demo', 'import a built-in set of synthetic data')
    .action(async (folder, options) => (await import('./seed.ts')).seed(configOf(options), folder, options.demo === true))
  const key = program.command('key').description('Create, list and revoke API keys.')
  opening('create <name>', 'Create an API key. It is printed only once.', {}, key)
    .addOption(new Option('--scope <scope>', 'what the key may do').choices(SCOPES).makeOptionMandatory())
    .option('--user <id>', 'bind the key to a user: it reads and changes only what belongs to them')
    .option('--tag <tag>', 'bind the key to a tag: it reads and changes only links that have it')
    .option('--expires <when>', '90d, 2027-01-31 or 2027-01-31T12:00:00Z')
    .action(async (name, options) => (await import('./key.ts')).createKey(configOf(options), name, options))
  opening('list', 'List the keys, without their secrets.', {}, key).action(async (options) =>
    (await import('./key.ts')).listKeys(configOf(options)),
  )
  opening('revoke <id>', 'Revoke a key for good.', {}, key).action(async (id, options) =>
    (await import('./key.ts')).revokeKey(configOf(options), id),
  )
  opening(
    'drain <folder>',
    'Store the click journals that a replica left behind in a folder (a DATA_DIR, or one replica’s folder).',
  ).action(async (folder, options) => (await import('./drain.ts')).drain(configOf(options), folder))
  command('backup <file>', 'Back up the whole database to a file, also while servers run; - is standard output.').action(
    async (file, options) => (await import('./backup.ts')).backup(configOf(options), file),
  )
  command('restore <file>', 'Restore a backup into an empty database, embedded or external; - is standard input.')
    .option('--replace', 'replace everything in the database')
    .action(async (file, options) => (await import('./restore.ts')).restore(configOf(options), file, options.replace === true))
  const drill = program.command('drill').description('Test alerts and resilience on the running server.')
  command(
    'alerts',
    'Fire every alert as a test, and report whether its notification was delivered. Exits 1 if one was not.',
    {},
    drill,
  ).action(async (options) => (await import('./drill-alerts.ts')).drillAlerts(configOf(options)))
  command(
    'survive [url]',
    'Inject six faults into one replica, a few seconds each, and report which guarantees were kept. Only for a fleet that may fail. Exits 1 if one was broken.',
    {},
    drill,
  )
    .option('--seconds <seconds>', 'duration of each fault, 1 to 60', '5')
    .option('--kill', 'finally kill a replica; its supervisor restarts it')
    .action(async (url, options) => {
      const seconds = Number(options.seconds)
      if (!(seconds >= 1 && seconds <= 60)) throw new ConfigError('--seconds must be a number from 1 to 60')
      await (await import('./drill-survive.ts')).drillSurvive(configOf(options), url, { seconds, kill: options.kill === true })
    })
  const link = program.command('link').description('Create, find and change links on a running server.')
  const [first = 'serve'] = argv
  // Their flags come from the schemas of the API. Loading those takes 20 ms, too long for a health check every few seconds.
  if (['link', 'completion', 'help'].includes(first))
    (await import('./link/commands.ts')).addLinkCommands(
      (usage, description) =>
        command(usage, description, {}, link, CLIENT).exitOverride(({ exitCode }) => process.exit(exitCode && USAGE)),
      (options) => configOf(options, CLIENT),
    )
  program
    .command('completion')
    .description('Print a script with which a shell completes commands and flags.')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action(async (shell) => console.log((await import('./completion/script.ts')).completionScript(program, shell)))
  command('healthcheck', 'Check whether the server on this machine is ready. Exits 1 if it is not.').action(async (options) =>
    (await import('./healthcheck.ts')).healthcheck(configOf(options)),
  )
  command('config', 'Print every setting with its value and source.').action(async (options) =>
    (await import('./config.ts')).printConfig(configOf(options)),
  )
  program
    .command('version')
    .description('Print version, commit and date.')
    .action(() => console.log(version.text))
  program
    .command('initdb <folder>', { hidden: true })
    .action(async (folder) => (await import('../database/embedded-cluster.ts')).createCluster(folder))

  if (!first.startsWith('-') && first !== 'help' && !program.commands.some((one) => one.name() === first)) {
    console.error(`waypost: there is no command ${first} (--help lists commands and options)`)
    process.exit(1)
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    console.error(`waypost: ${messageOf(error)}`)
    process.exit(error instanceof ConfigError ? USAGE : 1)
  }

  /** A command that creates the embedded database if there never was one. */
  function opening(...of: Parameters<typeof command>) {
    return command(...of).option(
      '--init-empty',
      'accept an empty database in place of an earlier one: what is left of that one is set aside in DATA_DIR',
    )
  }

  function command(usage: string, description: string, options = {}, parent = program, flags: readonly Name[] = NAMES) {
    const created = parent.command(usage, options).description(description)
    created.option('--env-file <file>', 'also read settings from a file (the environment takes precedence)')
    for (const name of flags) {
      const { help, default: byDefault } = settings[name]
      created.addOption(new Option(`${flagOf(name)} <value>`, byDefault === undefined ? help : `${help} (default: ${byDefault})`))
    }
    return created
  }
}

/** The message for an error that ended a command. Includes why the database is unreachable, because a command has no log. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof DatabaseRefuses) return error.message
  const cause = error instanceof DatabaseUnreachable && error.cause instanceof Error ? error.cause.message : ''
  return cause ? `the database is not reachable: ${cause}` : error.message
}

/** The settings, and --init-empty, from a command's parsed flags. The flags in `names` are settings. Throws ConfigError. */
function configOf(options: Record<string, unknown>, names: readonly Name[] = NAMES): Config {
  const flags: Partial<Record<Name, string>> = {}
  for (const name of names) {
    const value = options[name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())]
    if (typeof value === 'string') flags[name] = value
  }
  const settled = readConfig(flags, undefined, options.envFile ? readEnvFile(String(options.envFile)) : {})
  assertChannels(settled)
  return { ...settled, initEmpty: options.initEmpty === true }
}
