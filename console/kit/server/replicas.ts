// Names of replicas, and of the fleet.
import type { Replica } from '../../../src/fleet/schema.ts'

/** The host; with the slot or port if several replicas run on it. */
export function nameOf(replica: Replica, among: Replica[]): string {
  const { hostname, slot, url } = replica
  const sameHost = among.filter((other) => other !== replica && other.hostname === hostname)
  if (sameHost.length === 0) return hostname
  if (sameHost.every((other) => other.slot !== slot)) return `${hostname}/${slot}`
  return `${hostname}:${URL.parse(url ?? '')?.port || slot}`
}

/** 3 replicas; 2 of 3 ready; 1 replica, degraded */
export function fleetOf(replicas: Pick<Replica, 'state'>[]): string {
  const [only] = replicas
  if (only && replicas.length === 1) return only.state === 'ready' ? '1 replica' : `1 replica, ${only.state}`
  const ready = replicas.filter(({ state }) => state === 'ready').length
  return ready === replicas.length ? `${ready} replicas` : `${ready} of ${replicas.length} ready`
}
