import { hostname } from 'node:os'
import { basename } from 'node:path'
import type { OnStop } from '../base/on-stop.ts'
import { version } from '../base/version.ts'
import type { Config } from '../config/config.ts'
import type { OpenDatabase } from '../database/open.ts'
import type { Log } from '../telemetry/logs.ts'
import { advertisedUrl } from './address.ts'
import { askFleet } from './ask.ts'
import { followClock } from './clock.ts'
import { placeOf } from './instance.ts'
import { followMembers } from './members.ts'
import type { Replica } from './schema.ts'
import { createSigner } from './signature.ts'

type Parts = {
  config: Config
  database: OpenDatabase
  /** The slot's folder. */
  folder: string
  /** The id of this run: a new one after each start. */
  id: string
  /** When the process started, ms since 1970. */
  started: number
  /** This replica's state, and its requests per second. */
  state: () => string
  rate: () => number
  /** The secret that all replicas read from the database. */
  secret: () => string | undefined
  /** Seconds that this machine's clock may differ from the database's without a warning. */
  clockLimit: number
  log: Log
  onStop: OnStop
}

export type OpenFleet = ReturnType<typeof openFleet>

/** Opens the parts that know and query the other replicas. */
export function openFleet({ config, database, folder, id, started, state, rate, secret, clockLimit, log, onStop }: Parts) {
  const clock = followClock(log, clockLimit)
  const place = placeOf(folder)
  let url: string | null = null // until the port is open
  const self = (): Replica => ({
    id,
    slot: Number(basename(folder)),
    hostname: hostname(),
    url,
    version: version.number,
    started_at: new Date(started).toISOString(),
    seen_at: new Date().toISOString(),
    state: state(),
    rate: rate(),
    self: true,
  })
  const members = followMembers({ database, self, place, clock, log })
  onStop('leave the fleet', members.stop)
  const signer = createSigner(config, secret, id, clock)
  const fleet = askFleet({ members, signer, log })
  return {
    clock,
    place,
    members,
    signer,
    fleet,
    /** Tells the others this replica's address, once its port is open. */
    async advertise(port: number, address: Pick<Config, 'ADVERTISE_URL' | 'HOST'>) {
      url = await advertisedUrl(address, port, database.address)
      members.report()
    },
  }
}
