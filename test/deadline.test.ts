// A query that is given up must not shift the answers of those behind it on its connection.
import { expect, test } from 'bun:test'
import { openPool, outside } from '../src/database/connect.ts'
import { quiet } from './databases.ts'
import { serverBinaries, sharedCluster } from './postgres.ts'

test.skipIf(!serverBinaries())('queries behind one that was given up get their own answers', async () => {
  const url = await (await sharedCluster()).createDatabase()
  const pool = openPool(outside({ DATABASE_URL: url }), 1, quiet().log)
  const number = (n: number, deadline?: number) => pool.run((sql) => sql<{ n: number }[]>`select ${n}::int as n`, deadline)
  const sleep = () => pool.run((sql) => sql`select pg_sleep(0.4)`)
  for (const query of [number(0), sleep()]) await query // known to the connection: from now on they are sent one behind another

  const busy = sleep()
  const given = [number(1, 100).catch((error: Error) => error.message), number(2), number(3), number(4)]
  await busy
  const [late, ...answers] = await Promise.all(given)
  expect(late).toBe('the database is not reachable: no answer within 100 ms')
  expect(answers.map((rows) => (rows as { n: number }[])[0]?.n)).toEqual([2, 3, 4])
  await pool.close()
})
