import { join } from 'node:path'
import type { Fault } from '../fault.ts'
import { type Fleet, type Member, ownConnection } from '../fleet.ts'
import { buildNext, DOWN, NEXT } from '../release.ts'

let next: string | undefined

export const schemaUpgrade: Fault = {
  name: 'schema-upgrade',
  about:
    'Replica after replica is replaced by a newer release, whose first start changes the schema under the old ones (columns, an index, a table); then the old release is put back, on the newer schema',
  signs: {
    log: /the schema is of the next release/,
    console: /Replicas run (different|two) releases: \S+ and \S+/,
    fleet: new RegExp(`version ${NEXT.replaceAll('.', '\\.')}`),
  },
  restarts: true,
  cutsOff: true,
  async prepare({ dir }) {
    next = await buildNext(join(dir, 'next'))
  },
  async begin(fleet, { note }) {
    const { pair, members } = fleet
    const old = members[0]!.replica.program
    const restoreRows = async () => {
      for (const member of members) await replace(fleet, member, old)
      const sql = ownConnection(pair.url(), 1)
      await sql.unsafe(`begin; ${DOWN} commit;`).simple()
      await sql.end({ timeout: 1 })
    }
    try {
      for (const member of members) {
        await replace(fleet, member, next!)
        if (member === members[0]) note(`${await versionsOf(members)} side by side`)
      }
    } catch (error) {
      await restoreRows()
      throw error
    }
    return { end: restoreRows }
  },
}

/** As a rolling restart does: nginx passes it over first. */
async function replace({ mark }: Fleet, member: Member, program: string) {
  if (member.replica.program === program && member.replica.lives()) return
  await mark('down', member)
  await member.end('SIGTERM')
  member.replica.program = program
  await member.start()
  await mark('up', member)
}

/** As the old ones see it. Throws if they never see the new one, or do not run along with it. */
async function versionsOf(members: Member[]): Promise<string> {
  const deadline = Date.now() + 5_000
  for (;;) {
    const { replicas } = (await (await members.at(-1)!.ask('/api/fleet')).json()) as {
      replicas: { version: string; state: string }[]
    }
    const live = replicas.filter(({ state }) => state === 'ready').map(({ version }) => version)
    if (live.length === members.length && live.includes(NEXT)) return [...new Set(live)].sort().join(' and ')
    if (Date.now() > deadline) throw new Error(`the fleet shows ${live.join(', ')}, and not ${NEXT} along with the others`)
    await Bun.sleep(200)
  }
}
