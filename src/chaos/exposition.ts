import type { Metrics } from '../telemetry/metrics.ts'
import { type Chaos, FAULTS } from './faults.ts'

export function exposeFaults({ expose }: Metrics, chaos: Chaos) {
  expose('chaos_armed', 'gauge', '1 while the fault is armed by /chaos.', () => {
    const armed = new Set(chaos.armed().map(({ fault }) => fault))
    return FAULTS.map((fault) => ({ labels: { fault }, value: armed.has(fault) ? 1 : 0 }))
  })
  expose('chaos_faults_total', 'counter', 'Times the fault was armed.', () =>
    FAULTS.map((fault) => ({ labels: { fault }, value: chaos.timesArmed(fault) })),
  )
}
