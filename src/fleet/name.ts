import type { Replica } from './schema.ts'

/** A replica's name for people: host and port, which differ between replicas on one machine. */
export function nameOf({ hostname, url, slot }: Pick<Replica, 'hostname' | 'url' | 'slot'>): string {
  const port = URL.parse(url ?? '')?.port
  return port ? `${hostname}:${port}` : `${hostname} slot ${slot}`
}
