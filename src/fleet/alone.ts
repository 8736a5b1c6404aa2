// Open mode trusts whoever reaches this machine's loopback. A second replica means a proxy before them or another machine, so the younger
// of two in open mode gives up.
import type { Replica } from './schema.ts'

const EVERY = 4_000 // a replica that was killed a moment before is known as lost by then

/** Calls `refuse` once, when an older replica than `self` is alive while `isOpen`. */
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
