import { BROWSER } from '../clients.ts'
import { compare, type Result, round, rowOf } from '../compare.ts'
import { atRest, figureOf, fillLinks, startWithAll } from '../product.ts'
import { memoryOf, memoryText, startDatabase, startWaypost } from '../servers.ts'

const MANY = 1_000_000

/** The edge copy against memory, a million links against a thousand, and a flood of unknown codes during hits. */
export async function tiers(): Promise<Result> {
  const small = await startDatabase()
  const large = await startDatabase()
  const few = await startWaypost({ DATABASE_URL: small.url })
  await fillLinks(small.url, 1_000)
  const schema = await startWaypost({ DATABASE_URL: large.url })
  await fillLinks(large.url, MANY)
  await schema.stop('SIGKILL')
  try {
    const began = Date.now()
    const many = await startWithAll(large.url, MANY)
    const built = await figureOf(many.url, 'waypost_edge_build_seconds')
    await Bun.sleep(1_000)
    const memory = await memoryText(many.pid)
    const idle = (await memoryOf(many.pid)).all
    const forgetful = await startWithAll(large.url, MANY, { CACHE_ENTRIES: '1' })
    const [restFew, restMany] = [atRest(small.url, few.url), atRest(large.url, many.url, forgetful.url)]
    const rest = async () => {
      await restFew()
      await restMany()
    }
    const asked = { codes: 1_000, headers: BROWSER }
    const loads = await compare(
      [
        { name: '1,000 links, memory hits', url: few.url, ...asked },
        { name: '1,000,000 links, edge hits of 1,000', url: forgetful.url, ...asked },
        { name: '1,000,000 links, memory hits of 1,000', url: many.url, ...asked },
        { name: '1,000,000 links, edge hits of all', url: forgetful.url, codes: MANY, headers: BROWSER },
        { name: 'unknown codes (404)', url: few.url, unknown: true },
      ],
      { seconds: 3, rest },
    )
    const [memoryHits, edgeHits, ofMany, ofAll, unknown] = [...loads.values()]
    const loaded = await memoryText(many.pid)
    const after = await memoryOf(many.pid)
    await forgetful.stop()
    await many.stop()
    return {
      scenario: 'tiers',
      about: `Random codes, 64 connections. The copy of ${MANY.toLocaleString('en')} links was in use ${round((Date.now() - began) / 1000, 0)} s in all.`,
      rows: [
        ...[...loads].map(([name, load]) => rowOf(name, load)),
        { name: 'edge copy built in, s', figures: { 'per second': round(built, 1) } },
        { name: 'memory with it, MB (of it pages of files), idle', figures: { 'per second': memory } },
        { name: 'the same after the load', figures: { 'per second': loaded } },
      ],
      ratios: [
        { name: 'edge hit / memory hit', value: edgeHits!.rate / memoryHits!.rate, goal: 0.75 },
        { name: 'rate with 1,000,000 links / with 1,000', value: ofMany!.rate / memoryHits!.rate, goal: 0.9 },
        {
          name: 'edge hit of all 1,000,000, each with counters of its own to store / memory hit',
          value: ofAll!.rate / memoryHits!.rate,
        },
        { name: '404 / memory hit', value: unknown!.rate / memoryHits!.rate },
        { name: 'edge copy of 1,000,000 links, seconds', value: built, goal: 30, atMost: true },
        { name: 'resident memory with 1,000,000 links, idle, MB', value: idle, goal: 350, atMost: true },
        { name: 'after the load, without pages of files, MB', value: after.all - after.files, goal: 350, atMost: true },
      ],
      checks: [
        {
          name: 'no redirect failed',
          held: memoryHits!.failed + edgeHits!.failed + ofMany!.failed + ofAll!.failed === 0,
          found: `${edgeHits!.failed} failed`,
        },
      ],
    }
  } finally {
    await few.stop()
    await small.end()
    await large.end()
  }
}
