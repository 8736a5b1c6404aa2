import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DATABASE_AWAY, type Fault } from '../fault.ts'

const RECORD = Buffer.from('CLCK')
const HEADER = 64

export const tornJournal: Fault = {
  name: 'torn-journal',
  about:
    'Cut off from the database, a replica is killed, and two records of its journal are damaged, as by a power loss; the others are stored',
  signs: {
    log: /damage in a journal file was skipped|clicks of an earlier process were stored/,
    console: DATABASE_AWAY,
  },
  restarts: true,
  cutsOff: true,
  atLeast: 14, // half of it until the outage is noticed, and seen
  async begin({ members }, { random, note, seconds }) {
    const member = random.of(members)
    member.cut('silent')
    await Bun.sleep((seconds * 1000) / 2)
    await member.end('SIGKILL')
    const damaged = damage(join(member.replica.folder, 'replicas'), (records) => [Math.floor(records / 2), records - 1])
    note(`${damaged} records damaged`)
    return {
      mayLose: () => damaged,
      async end() {
        member.heal()
        await member.start()
      },
    }
  },
}

/** Overwrites a part of the chosen records of the youngest journal below `folder`; returns how many. */
function damage(folder: string, choose: (records: number) => number[]): number {
  const files = readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((name) => name.endsWith('.journal') && readFileSync(name).indexOf(RECORD, HEADER) > 0)
    .sort()
  const file = files.at(-1)
  if (!file) return 0
  const bytes = readFileSync(file)
  const records: number[] = []
  for (let at = bytes.indexOf(RECORD, HEADER); at >= 0; at = bytes.indexOf(RECORD, at + 1)) records.push(at)
  const chosen = new Set(choose(records.length).filter((place) => place >= 0 && place < records.length))
  const writer = openSync(file, 'r+')
  for (const place of chosen) writeSync(writer, Buffer.alloc(16, 0xff), 0, 16, records[place]! + 40)
  closeSync(writer)
  return chosen.size
}
