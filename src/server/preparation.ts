// Migrates and seeds the database at the start, or as soon as that is possible.

import type { PolicyFeed } from '../access/policy/policy.ts'
import { backOff } from '../base/back-off.ts'
import { waitAtMost } from '../base/time-limit.ts'
import type { Config } from '../config/config.ts'
import { DatabaseUnreachable } from '../database/database-unreachable.ts'
import { DatabaseUnfit } from '../database/fitness.ts'
import { indexCodesInLowerCase, migrate, SchemaTooNew } from '../database/migrate.ts'
import type { OpenDatabase } from '../database/open.ts'
import { seedIfEmpty } from '../import/folder.ts'
import type { Admission } from '../links/admission.ts'
import type { Lifecycle } from '../monitor/lifecycle.ts'
import type { Log } from '../telemetry/logs.ts'

const FIRST_ANSWER_WITHIN = 4_000
const AGAIN_AFTER = 2_000
const AGAIN_AT_LEAST_EVERY = 30_000

type Parts = { config: Config; database: OpenDatabase; policy: PolicyFeed; admitted: Admission; log: Log; lifecycle: Lifecycle }

/**
 * Migrates and seeds the database. `start` resolves when that is done or deferred: if the database is unreachable or refuses changes, the
 * server starts degraded, and the preparation follows later. `start` throws errors that waiting cannot fix, such as SchemaTooNew.
 */
export function prepareDatabase({ config, database, policy, admitted, log, lifecycle }: Parts) {
  let prepared = false
  let waitsFor: string | undefined
  let trying: Promise<void> | undefined
  let timer: Timer | undefined
  let failures = 0

  function prepare(): Promise<void> {
    trying ??= work().finally(() => {
      trying = undefined
    })
    return trying
  }

  async function work() {
    try {
      const applied = await migrate(database, log)
      if (applied.length > 0) log.info({ applied }, 'migrated the schema')
      if (config.CODES === 'insensitive') await indexCodesInLowerCase(database)
      await policy.refresh()
      if (config.SEED_DIR) await seedIfEmpty(database, config.SEED_DIR, log, admitted.refusal)
      prepared = true
      waitsFor = undefined
    } catch (error) {
      waitsFor = (error instanceof DatabaseUnreachable ? error.words : undefined) ?? 'see the log'
      throw error
    }
  }

  function prepareLater(ms: number) {
    clearTimeout(timer)
    timer = setTimeout(() => {
      if (prepared || database.state() !== 'up' || lifecycle.phase() !== 'ready') return
      prepare().catch((error) => {
        log.error({ err: error }, 'cannot prepare the schema: will try again')
        if (error instanceof SchemaTooNew || error instanceof DatabaseUnfit) return void lifecycle.drain(1, error.message)
        prepareLater(backOff(++failures, AGAIN_AFTER, AGAIN_AT_LEAST_EVERY))
      })
    }, ms)
    timer.unref()
  }

  return {
    async start() {
      const up = Promise.withResolvers<void>()
      database.onUp(() => {
        up.resolve()
        if (lifecycle.phase() === 'ready') prepareLater(0)
      })
      await database.begun
      await waitAtMost(up.promise, FIRST_ANSWER_WITHIN)
      if (database.state() === 'up')
        await prepare().catch((error) => {
          if (!(error instanceof DatabaseUnreachable)) throw error
        })
      if (prepared) return
      waitsFor ??= 'its schema is being prepared'
      log.error({ reason: database.downFor() ?? waitsFor }, 'the database is not reachable or refuses changes: starting degraded')
      prepareLater(AGAIN_AFTER)
    },
    /** Why the schema is not ready although the database answers, as a text; undefined if it is ready. */
    waitsFor: () => (database.state() === 'up' ? waitsFor : undefined),
    stop: () => clearTimeout(timer),
  }
}
