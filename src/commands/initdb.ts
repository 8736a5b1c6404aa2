import { openCluster } from '../database/embedded-cluster.ts'

/** Makes the embedded cluster in `folder` and ends: run in a child process by database/embedded.ts. */
export async function initdb(folder: string) {
  const db = await openCluster(folder)
  await db.close()
}
