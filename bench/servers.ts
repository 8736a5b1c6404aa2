// Starts what is measured: the built binary, and the floors, each in a process of its own on core 0.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, openCluster } from '../test/postgres.ts'
import { until } from '../test/until.ts'
import { onCore } from './load.ts'
import { countAsOurs } from './quiet.ts'

export type Running = { url: string; pid: number; folder: string; stop: (signal?: NodeJS.Signals) => Promise<void> }

const BINARY = join(import.meta.dir, '../dist/waypost')

/** The built binary with a folder of its own; resolves when it is ready. */
export async function startWaypost(settings: Record<string, string> = {}, folder?: string): Promise<Running> {
  const running = await spawnWaypost(settings, folder)
  await until('it is ready', async () => (await fetch(`${running.url}/ready`)).ok)
  return running
}

/** The same, not ready yet. */
export async function spawnWaypost(
  settings: Record<string, string>,
  folder = settings.DATA_DIR ?? mkdtempSync(join(tmpdir(), 'waypost-bench-')),
): Promise<Running> {
  if (!existsSync(BINARY)) throw new Error('dist/waypost is missing: bun run build')
  const port = await freePort()
  const environment = {
    PATH: process.env.PATH!,
    PORT: String(port),
    DATA_DIR: folder,
    AUTH: 'off',
    LOG_LEVEL: 'warn',
    DRAIN_WAIT: '0',
    ...settings,
  }
  const child = Bun.spawn(onCore(0, [BINARY, 'serve']), { env: environment, stdout: 'ignore', stderr: 'inherit' })
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    folder,
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      await child.exited
      if (!settings.DATA_DIR) rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A floor of bench/floor.ts. */
export async function startFloor(
  kind: 'redirect' | 'headers' | 'missing' | 'insert' | 'select',
  database?: string,
): Promise<Running> {
  const port = await freePort()
  const script = join(import.meta.dir, 'floor.ts')
  const child = Bun.spawn(onCore(0, [process.execPath, script, kind, String(port), ...(database ? [database] : [])]), {
    stdout: 'pipe',
    stderr: 'inherit',
  })
  for await (const _ of child.stdout) break
  const stop = async () => {
    child.kill()
    await child.exited
  }
  return { url: `http://127.0.0.1:${port}`, pid: child.pid, folder: '', stop }
}

/** A PostgreSQL of the benchmark's own, with an empty database. fsync off: the disk of a noisy machine is not what is measured. */
export async function startDatabase() {
  const cluster = await openCluster({ own: true })
  const { stop, start, pid } = cluster.control!
  countAsOurs(pid)
  return { url: await cluster.createDatabase(), end: cluster.end, stop: () => stop('fast'), start }
}

/** A folder that goes with this process. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'waypost-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Resident memory of a process in MB, and how much of it are pages of files: the journal's segments, which are the kernel's to drop. */
export async function memoryOf(pid: number): Promise<{ all: number; files: number }> {
  const status = await Bun.file(`/proc/${pid}/status`).text()
  const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024
  return { all: of('VmRSS'), files: of('RssFile') + of('RssShmem') }
}

export async function memoryText(pid: number): Promise<string> {
  const { all, files } = await memoryOf(pid)
  return `${Math.round(all)} (${Math.round(files)})`
}
