import type { Config } from '../config/config.ts'
import { requestReload } from '../processes/control.ts'

/** Replaces the replicas of the supervisor with these settings, and waits until that is done. */
export async function reload(config: Config) {
  console.log(`replaced ${await requestReload(config)} replicas`)
}
