// Copies every link into a new edge copy, in one snapshot. Runs in a separate thread, so that redirects continue.
import type { DatabaseAddress } from '../database/address.ts'
import { connect } from '../database/connect.ts'
import { type Position, positionNow } from '../database/position.ts'
import { buildEdgeCopy } from './edge-copy.ts'
import { type Target, targetColumns } from './target.ts'

declare const self: Worker & { postMessage(message: Built): void }

export type Build = { address: DatabaseAddress; file: string; anyCase?: boolean }
export type Built = { built: { position: Position; count: number } } | { failed: string }

const CHUNK = 5_000

self.onmessage = async ({ data }: MessageEvent<Build>) => {
  try {
    self.postMessage({ built: await copyLinks(data) })
  } catch (error) {
    self.postMessage({ failed: (error as Error).message })
  }
}

async function copyLinks({ address, file, anyCase }: Build): Promise<{ position: Position; count: number }> {
  const sql = connect(address, 1)
  try {
    return await sql.begin('isolation level repeatable read', async (sql) => {
      await sql`set local statement_timeout = 0`
      await sql`set local idle_in_transaction_session_timeout = 0`
      const position = await positionNow(sql)
      const copy = buildEdgeCopy(file, anyCase)
      for await (const rows of sql<Target[]>`select ${targetColumns(sql)} from urls u`.cursor(CHUNK)) copy.add(rows)
      return { position, count: copy.finish(position) }
    })
  } finally {
    await sql.end({ timeout: 1 })
  }
}
