// Open mode trusts everyone who reaches this machine's loopback. A second replica implies a proxy in front or another machine, so the younger of two
// replicas in open mode stops.
import type { Replica } from './schema.ts'

const EVERY = 4_000 // by then a replica that was just killed counts as lost

/** Calls `refuse` once if an older replica than `self` is alive while `isOpen`. */
export function watchForCompany(isOpen: () => boolean, replicas: () => Replica[], refuse: (other: Replica) => void) {
  const timer = setInterval(() => {
    if (!isOpen()) return
    const [self, ...others] = replicas()
    const elder = others.find((other) => other.state !== 'lost' && age(other) < age(self!))
    if (!elder) return
    clearInterval(timer)
    refuse(elder)
  }, EVERY)
  timer.unref()
}

const age = ({ started_at, id }: Replica) => `${started_at} ${id}`
