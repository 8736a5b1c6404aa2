// The suite's own mount and network namespaces: what it mounts and plugs in nobody else sees, and it is gone with the suite's last process,
// however that ends.

const MARK = 'WAYPOST_SURVIVE_APART'

/** True in the process that may mount. */
export const apart = process.env[MARK] !== undefined
/** True in the process that has a network of its own, too. */
export const apartNetwork = process.env[MARK] === 'network'

const TOOLS = ['ip', 'nft', 'nsenter']

/** Runs this program again in namespaces of its own, where this is root; returns its exit code, or undefined where that cannot be. */
export async function runApart(): Promise<number | undefined> {
  if (apart || process.getuid?.() !== 0 || !Bun.which('unshare')) return undefined
  const network = TOOLS.every((tool) => Bun.which(tool)) && may('--mount', '--net')
  if (!network && !may('--mount')) return undefined
  const child = Bun.spawn(
    [
      'setpriv',
      '--pdeathsig',
      'TERM',
      '--',
      'unshare',
      '--mount',
      ...(network ? ['--net'] : []),
      process.execPath,
      ...process.execArgv,
      ...process.argv.slice(1),
    ],
    {
      env: { ...process.env, [MARK]: network ? 'network' : 'mount' },
      stdio: ['inherit', 'inherit', 'inherit'],
    },
  )
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill('SIGTERM'))
  return child.exited
}

const may = (...namespaces: string[]) => Bun.spawnSync(['unshare', ...namespaces, 'true'], { stderr: 'ignore' }).exitCode === 0
