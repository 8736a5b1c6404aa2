import type { Fault } from '../fault.ts'
import { ownConnection } from '../fleet.ts'

export const schemaUpgrade: Fault = {
  name: 'schema-upgrade',
  about:
    'A newer release changes the schema while these replicas run: new columns, an index, a table; one of the old replicas is restarted on it',
  signs: {},
  cutsOff: true,
  async begin({ pair, members }, { random }) {
    const sql = ownConnection(pair.url(), 1)
    await sql.begin(async (one) => {
      await one`set local lock_timeout = '3s'`
      await one`alter table urls add column survive_note text, add column survive_rank int not null default 7`
      await one`alter table users add column survive_note text`
      await one`alter table events add column survive_note text`
      await one`create table survive_more (id bigint primary key)`
      await one`insert into schema_migrations (version, name) select max(version) + 1, 'survive' from schema_migrations`
    })
    await sql`create index concurrently survive_rank on urls (survive_rank)`
    const member = random.of(members)
    await member.end('SIGTERM')
    await member.start()
    return {
      async end() {
        await sql`drop index concurrently survive_rank`
        await sql.begin(async (one) => {
          await one`delete from schema_migrations where name = 'survive'`
          await one`drop table survive_more`
          await one`alter table urls drop column survive_note, drop column survive_rank`
          await one`alter table users drop column survive_note`
          await one`alter table events drop column survive_note`
        })
        await sql.end({ timeout: 1 })
      },
    }
  },
}
