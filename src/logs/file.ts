// The log as a file, oldest line first. Reads page by page while sending, so it needs no more memory than a page per replica.

import { numbered } from '../telemetry/logs.ts'
import { byTime, type FleetLogs, PAGE, type ReplicaLine, timeOf } from './fleet.ts'
import type { LogQuery } from './query.ts'

type Walk = { replica: string; lines: ReplicaLine[]; after: number; ended: boolean }

/** Lines of `replicas`. If a replica's lines end early, a separate line gives the reason. */
async function* walk(logs: FleetLogs, replicas: string[], query: LogQuery): AsyncGenerator<ReplicaLine[]> {
  const walks: Walk[] = replicas.map((replica) => ({ replica, lines: [], after: -1, ended: false }))
  while (true) {
    await Promise.all(
      walks.map(async (one) => {
        if (one.ended || one.lines.length > 0) return
        const page = await logs
          .one(one.replica, { ...query, before: undefined, after: one.after, limit: PAGE })
          .catch(() => undefined)
        for (const [sequence, text] of page?.found.reverse() ?? []) one.lines.push({ replica: one.replica, sequence, text })
        one.after = one.lines.at(-1)?.sequence ?? one.after
        if (!page) one.lines.push(ending(one, 'this replica does not answer: its lines end here'))
        else if (page.stopped !== undefined)
          one.lines.push(ending(one, 'the pattern takes too long: later lines of this replica were not searched'))
        one.ended = !page?.found.length || page.stopped !== undefined
      }),
    )
    // A line later than the end of another replica's page must wait for that replica's next page, which may contain earlier lines.
    const ends = walks.flatMap(({ lines, ended }) => (ended ? [] : [timeOf(lines.at(-1)!)])).sort()
    const ready = walks.flatMap(({ lines }) =>
      lines.splice(0, lines.findLastIndex((line) => !ends[0] || timeOf(line) <= ends[0]) + 1),
    )
    if (ready.length === 0) return
    yield ready.sort(byTime)
  }
}

const ending = ({ replica, after }: Walk, message: string): ReplicaLine => ({
  replica,
  sequence: after + 1,
  text: JSON.stringify({ level: 'warn', time: new Date().toISOString(), message }),
})

/** `labelled`: each line names its replica. `stillAuthorised`: whether the reader is still authorised. */
export function logFile(
  logs: FleetLogs,
  replicas: string[],
  query: LogQuery,
  { labelled, stillAuthorised }: { labelled: boolean; stillAuthorised?: () => boolean },
): Response {
  const pages = walk(logs, replicas, query)
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await pages.next()
        if (done) return controller.close()
        if (stillAuthorised?.() === false) throw new Error('the caller is no longer authorised')
        const lines = value.map(({ replica, sequence, text }) => numbered(sequence, text, labelled ? replica : undefined))
        controller.enqueue(new TextEncoder().encode(`${lines.join('\n')}\n`))
      },
      async cancel() {
        await pages.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
  const name = `waypost-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.ndjson`
  return new Response(body, {
    headers: { 'Content-Type': 'application/x-ndjson', 'Content-Disposition': `attachment; filename="${name}"` },
  })
}
