// The suite's own mount namespace: what it mounts nobody else sees, and it is gone with the suite's last process, however that ends.

const MARK = 'WAYPOST_SURVIVE_APART'

/** True in the process that may mount. */
export const apart = process.env[MARK] === '1'

/** Runs this program again in a namespace of its own, where this is root; returns its exit code, or undefined where that cannot be. */
export async function runApart(): Promise<number | undefined> {
  if (apart || process.getuid?.() !== 0 || !Bun.which('unshare')) return undefined
  if (Bun.spawnSync(['unshare', '--mount', 'true'], { stderr: 'ignore' }).exitCode !== 0) return undefined
  const child = Bun.spawn(
    [
      'setpriv',
      '--pdeathsig',
      'TERM',
      '--',
      'unshare',
      '--mount',
      process.execPath,
      ...process.execArgv,
      ...process.argv.slice(1),
    ],
    {
      env: { ...process.env, [MARK]: '1' },
      stdio: ['inherit', 'inherit', 'inherit'],
    },
  )
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill('SIGTERM'))
  return child.exited
}
