import type { Metrics } from '../telemetry/metrics.ts'
import type { Chaos } from './faults.ts'
import { FAULTS } from './schema.ts'

export function exposeFaults({ expose }: Metrics, chaos: Chaos) {
  expose('chaos_armed', 'gauge', '1 while the fault is armed.', () => {
    const armed = new Set(chaos.armed().map(({ fault }) => fault))
    return FAULTS.map((fault) => ({ labels: { fault }, value: armed.has(fault) ? 1 : 0 }))
  })
  expose('chaos_faults_total', 'counter', 'Number of times the fault was armed.', () =>
    FAULTS.map((fault) => ({ labels: { fault }, value: chaos.timesArmed(fault) })),
  )
}
