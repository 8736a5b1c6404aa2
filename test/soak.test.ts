// 500,000 writes on the embedded database: its WAL folder and the server's memory stay bounded. Minutes long: only with SOAK=1.
import { expect, test } from 'bun:test'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { startChild } from './child.ts'
import { anyDatabase } from './databases.ts'

const WRITES = Number(process.env.SOAK_WRITES ?? 500_000)
const CLIENTS = 32
const MB = 1024 * 1024

/** max_wal_size is 128 MB, and a checkpoint comes every 64 MB: more than this and nobody checkpoints. */
const WAL_LIMIT = 256 * MB
const MEMORY_LIMIT = 1_024 * MB

if (!process.env.SOAK) console.warn(`SKIPPED: the soak of ${WRITES} writes on the embedded database (set SOAK=1)`)

test.skipIf(!process.env.SOAK)(
  `${WRITES} writes leave the WAL folder and memory bounded, and are all there`,
  async () => {
    const settings = await anyDatabase.settings()
    const server = await startChild(settings)
    const wal = join(settings.DATA_DIR!, 'pg18/pg_wal')
    const peak = { wal: 0, memory: 0 }
    const look = () => {
      peak.wal = Math.max(peak.wal, sizeOf(wal))
      peak.memory = Math.max(peak.memory, memoryOf(server.pid))
    }
    const watching = setInterval(look, 500)
    const made = { links: 0, users: 0, events: 0, changes: 0, refused: 0 }
    let started = 0
    let done = 0
    let lap = performance.now()

    const write = async (n: number, own: number[]) => {
      const last = own.at(-1)
      const kind = n % 10
      if (last && kind < 2) {
        const { status } = await server.call('PATCH', `/urls/${last}`, {
          title: `title ${n}`,
          original_url: `https://example.com/moved/${n}`,
        })
        if (status === 200) return void made.changes++
      } else if (last && kind === 2) {
        const { status } = await server.call('POST', '/events', { event_type: 'click', url_id: last, details: { n } })
        if (status === 201) return void made.events++
      } else if (kind === 3) {
        const { status } = await server.call('POST', '/users', { username: `user${n}`, email: `user${n}@example.com` })
        if (status === 201) return void made.users++
      } else {
        const { status, body } = await server.call('POST', '/urls', {
          original_url: `https://example.com/page/${n}?x=${n * 7}`,
          title: `Page ${n}`,
        })
        if (status === 201) {
          own.push(body.id)
          return void made.links++
        }
      }
      made.refused++
      await Bun.sleep(100)
    }

    const client = async () => {
      const own: number[] = []
      while (started < WRITES) {
        await write(started++, own)
        if (++done % 50_000 === 0) {
          const rate = Math.round(50_000_000 / (performance.now() - lap))
          lap = performance.now()
          console.log(
            `${done} writes, ${rate}/s, WAL ${Math.round(sizeOf(wal) / MB)} MB, memory ${Math.round(memoryOf(server.pid) / MB)} MB, data ${Math.round(sizeOf(join(settings.DATA_DIR!, 'pg18')) / MB)} MB`,
          )
        }
      }
    }
    await Promise.all(Array.from({ length: CLIENTS }, client))
    clearInterval(watching)
    look()
    console.log(
      'peak:',
      Math.round(peak.wal / MB),
      'MB of WAL,',
      Math.round(peak.memory / MB),
      'MB of memory;',
      JSON.stringify(made),
    )

    expect(peak.wal).toBeLessThan(WAL_LIMIT)
    expect(peak.memory).toBeLessThan(MEMORY_LIMIT)
    expect(made.refused).toBeLessThan(WRITES / 1_000)
    expect((await server.call('GET', '/logs?filter=restarting the embedded database')).body.count).toBe(0)
    // The books: the last link and user of each kind are found where the counts say.
    const last = await server.call('GET', `/urls?order=desc&per_page=1`)
    expect(last.body[0].id).toBeGreaterThanOrEqual(made.links)
    server.kill('SIGKILL')
    await server.exited

    const again = await startChild(settings)
    expect((await again.call('GET', `/urls/${last.body[0].id}`)).body).toEqual({ ...last.body[0], short_url: expect.any(String) })
    again.kill('SIGTERM')
    expect(await again.exited).toBe(0)
  },
  3_600_000,
)

function sizeOf(folder: string): number {
  let size = 0
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    try {
      size += statSync(join(folder, name)).size
    } catch {
      // it has ended
    }
  }
  return size
}

const memoryOf = (pid: number) => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
