// The bodies of the worker threads, run in this thread: what they do is watched step by step, and counted as covered.
import { afterAll, describe, expect, test } from 'bun:test'
import { getPriority, setPriority } from 'node:os'
import { join } from 'node:path'
import type { FromDrain, ToDrain } from '../src/clicks/drain-messages.ts'
import { controlBlock, openJournal } from '../src/journal/journal.ts'
import { openEdgeCopy } from '../src/redirect/edge-copy.ts'
import type { Build, Built } from '../src/redirect/edge-worker.ts'
import { takeSlot } from '../src/slot/slots.ts'
import { databases, quiet } from './databases.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn } from './server.ts'
import { until } from './until.ts'

type Thread = { onmessage: ((event: { data: unknown }) => void) | null; postMessage: (message: unknown) => void }
const thread = globalThis as unknown as Thread
const before = { onmessage: thread.onmessage, postMessage: thread.postMessage, priority: getPriority() }
afterAll(() => {
  Object.assign(thread, { onmessage: before.onmessage, postMessage: before.postMessage })
  setPriority(0, before.priority)
})

const kind = databases.at(-1)!

describe(`on the ${kind.name} database`, () => {
  test('the drain prepares segments, stores what is appended, and reports its progress; stopped, it stores the rest', async () => {
    const server = await serveOn(kind)
    const { body: link } = await server.post('/urls', { original_url: 'https://example.com/drain' })
    const heard: FromDrain[] = []
    thread.postMessage = (message) => void heard.push(message as FromDrain)
    await import('../src/clicks/drain-worker.ts')
    const hear = thread.onmessage!
    const tell = (data: ToDrain) => hear({ data })

    const dataDir = temporaryFolder()
    const slot = takeSlot(dataDir)
    const left = takeSlot(dataDir) // a replica that is gone: its slot is free again
    left.release()
    const shared = controlBlock()
    const journalId = Bun.randomUUIDv7()
    const journal = openJournal(
      journalId,
      shared,
      () => tell({ wake: true }),
      (want) => tell({ began: { segment: want - 1, firstSequence: journal.appended() + 1 }, want }),
    )
    const { address } = server.database
    tell({
      start: {
        slot: slot.folder,
        dataDir,
        journalId,
        startedAt: Date.now(),
        shared,
        address,
        keep: 0,
        maxBytes: 2 ** 30,
        want: 0,
      },
    })
    const offered = () => heard.filter((message) => 'segment' in message)
    await until('the message arrives', () => offered().length === 1)
    journal.offer((offered()[0] as { segment: Parameters<typeof journal.offer>[0] }).segment)
    await until('the message arrives', () => offered().length === 2)
    journal.offer((offered()[1] as { segment: Parameters<typeof journal.offer>[0] }).segment)

    tell({ probe: true }) // segments are prepared before the database may answer
    for (let n = 0; n < 500; n++) expect(journal.append(link.id, Date.now(), '', 'curl/8', '')).toBe(true)
    const watermark = () =>
      heard.reduce((highest, message) => ('state' in message ? Math.max(highest, message.state.watermark) : highest), 0)
    await until('the message arrives', () => watermark() === 500)
    const agent = 'x'.repeat(400) // over the first segment's end, whose file is used again
    for (let n = 0; n < 12_000; n++) expect(journal.append(link.id, Date.now(), '', agent, '')).toBe(true)
    tell({ stop: 30_000 })
    await until('the message arrives', () => heard.some((message) => 'stopped' in message))
    expect(watermark()).toBe(12_500)
    expect((await server.settled(`/urls/${link.id}`)).body.click_count).toBe(12_500)
    journal.close()
    slot.release()
    await server.stop()
  })

  test('the edge copy is built whole, deleted links with it, and from an address that does not answer is not', async () => {
    const server = await serveOn(kind)
    const { body: kept } = await server.post('/urls', { original_url: 'https://example.com/kept' })
    const { body: gone } = await server.post('/urls', { original_url: 'https://example.com/gone' })
    await server.call('DELETE', `/urls/${gone.id}`)
    const heard: Built[] = []
    thread.postMessage = (message) => void heard.push(message as Built)
    await import('../src/redirect/edge-worker.ts')
    const build = (data: Build) => thread.onmessage!({ data })
    const folder = temporaryFolder()
    build({ address: server.database.address, file: join(folder, 'edge.sqlite') })
    await until('the message arrives', () => heard.length === 1)
    expect(heard[0]).toMatchObject({ built: { count: 2 } })
    const copy = openEdgeCopy(folder, quiet().log)
    expect(copy.get(kept.short_code)).toMatchObject({ location: 'https://example.com/kept', active: true })
    expect(copy.get(gone.short_code)).toMatchObject({ location: null, active: false })
    expect(copy.get('never')).toBeUndefined()
    copy.close()
    await server.stop()
    build({ address: { kind: 'embedded', socketFolder: join(folder, 'nowhere') }, file: join(folder, 'other.sqlite') })
    await until('the message arrives', () => heard.length === 2)
    expect(heard[1]).toHaveProperty('failed')
  })
})
