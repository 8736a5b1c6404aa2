// The command line: one command a file beside this one, every setting a flag of each.
import { Command, Option } from 'commander'
import { type Config, ConfigError, flagOf, readConfig, readEnvFile } from '../config.ts'
import { type Name, settings } from '../settings.ts'
import { version } from '../version.ts'

/** Runs the command that `argv` (without the program) names; `serve` where it names none. Sets the exit code, 2 for a wrong setting. */
export async function run(argv: string[]) {
  const program = new Command('waypost')
    .description('A self-hosted URL shortener that survives.')
    .version(version.text, '-v, --version')
    .showHelpAfterError('(--help lists what there is)')

  command('serve', 'Serve the API, redirects and the console (the default).', { isDefault: true }).action(async (options) =>
    (await import('./serve.ts')).serve(() => configOf(options)),
  )
  command('migrate', 'Bring the database to this release’s schema.')
    .option('--status', 'only list the migrations')
    .action(async (options) => (await import('./migrate.ts')).migrateCommand(configOf(options), options.status === true))
  command('seed [folder]', 'Import users.csv, urls.csv and events.csv of a folder.')
    .option('--demo', 'import a data set made up by waypost itself')
    .action(async (folder, options) => (await import('./seed.ts')).seed(configOf(options), folder, options.demo === true))
  const key = program.command('key').description('Make, list and revoke API keys.')
  command('create <name>', 'Make an API key; it is printed this once.', {}, key)
    .addOption(
      new Option('--scope <scope>', 'what it may do').choices(['admin', 'write', 'read', 'metrics']).makeOptionMandatory(),
    )
    .option('--user <id>', 'bind it: it sees and changes only what is this user’s')
    .option('--expires <when>', '90d, 2027-01-31 or 2027-01-31T12:00:00Z')
    .action(async (name, options) => (await import('./key.ts')).createKey(configOf(options), name, options))
  command('list', 'List the keys, never the keys themselves.', {}, key).action(async (options) =>
    (await import('./key.ts')).listKeys(configOf(options)),
  )
  command('revoke <id>', 'Revoke a key: it never opens anything again.', {}, key).action(async (id, options) =>
    (await import('./key.ts')).revokeKey(configOf(options), id),
  )
  command('drain <folder>', 'Store the click journals that a replica left in a folder (a DATA_DIR, or one replica’s).').action(
    async (folder, options) => (await import('./drain.ts')).drain(configOf(options), folder),
  )
  command(
    'backup <file>',
    'Write everything that the database holds to a file, also while servers run; - is standard output.',
  ).action(async (file, options) => (await import('./backup.ts')).backup(configOf(options), file))
  command('restore <file>', 'Put a backup into an empty database, embedded or not; - is standard input.')
    .option('--replace', 'in the place of all that is there')
    .action(async (file, options) => (await import('./restore.ts')).restore(configOf(options), file, options.replace === true))
  const drill = program.command('drill').description('Try out, on the running server, what must work when it matters.')
  command(
    'alerts',
    'Let every alert fire as a test, and report whether its notice was delivered; exit 1 when not.',
    {},
    drill,
  ).action(async (options) => (await import('./drill-alerts.ts')).drillAlerts(configOf(options)))
  command(
    'survive [url]',
    'Break one replica in six ways, a few seconds each, and report what held; for a fleet that may be broken. Exit 1 when something did not.',
    {},
    drill,
  )
    .option('--seconds <seconds>', 'how long each fault lasts, 1 to 60', '5')
    .option('--kill', 'end with a replica killed, for its supervisor to start it again')
    .action(async (url, options) => {
      const seconds = Number(options.seconds)
      if (!(seconds >= 1 && seconds <= 60)) throw new ConfigError('--seconds must be a number from 1 to 60')
      await (await import('./drill-survive.ts')).drillSurvive(configOf(options), url, { seconds, kill: options.kill === true })
    })
  command('healthcheck', 'Ask the server on this machine whether it is ready; exit 1 when it is not.').action(async (options) =>
    (await import('./healthcheck.ts')).healthcheck(configOf(options)),
  )
  command('config', 'Print every setting, its value and where it came from.').action(async (options) =>
    (await import('./config.ts')).printConfig(configOf(options)),
  )
  program
    .command('version')
    .description('Print version, commit and date.')
    .action(() => console.log(version.text))
  program.command('initdb <folder>', { hidden: true }).action(async (folder) => (await import('./initdb.ts')).initdb(folder))

  const [first = 'serve'] = argv
  if (!first.startsWith('-') && first !== 'help' && !program.commands.some((one) => one.name() === first)) {
    console.error(`waypost: there is no command ${first} (--help lists what there is)`)
    process.exit(1)
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    console.error(`waypost: ${error instanceof Error ? error.message : error}`)
    process.exit(error instanceof ConfigError ? 2 : 1)
  }

  function command(usage: string, description: string, options = {}, parent = program) {
    const made = parent.command(usage, options).description(description)
    made.option('--env-file <file>', 'read settings from a file too (the environment wins)')
    for (const [name, { help, default: byDefault }] of Object.entries(settings))
      made.addOption(new Option(`${flagOf(name)} <value>`, byDefault === undefined ? help : `${help} (default: ${byDefault})`))
    return made
  }
}

/** The settings, from a command's parsed flags. */
function configOf(options: Record<string, unknown>): Config {
  const flags: Partial<Record<Name, string>> = {}
  for (const name of Object.keys(settings) as Name[]) {
    const value = options[name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())]
    if (typeof value === 'string') flags[name] = value
  }
  const file = options.envFile ? readEnvFile(String(options.envFile)) : {}
  return readConfig(flags, { ...file, ...process.env })
}
