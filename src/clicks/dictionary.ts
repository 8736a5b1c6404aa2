// The tables of browsers and referrers that clicks refer to. Random headers must not fill them: each takes a number of new values a day, and further
// ones are stored with their clicks.
import type { Sql, Transaction } from '../database/guard.ts'
import { agentKey, type ClickBatch } from './batch.ts'

/** Some 1.5 MB. */
const REFERRERS_A_DAY = 10_000
const AGENTS_A_DAY = 1_000

/** Adds a batch's agents and referrers. Returns those for which there is no room, as `Limits` has them. */
export async function learn(sql: Sql | Transaction, { agents, referrers }: ClickBatch): Promise<string[]> {
  const { browser, system, device, bot } = agents
  await (sql as Sql)`
    insert into click_agents (browser, system, device, bot)
    select browser, system, device, bot::boolean from unnest(${browser}::text[], ${system}::text[], ${device}::text[], ${bot}::int[]) as n (browser, system, device, bot)
    where not exists (select from click_agents a where (a.browser, a.system, a.device, a.bot) = (n.browser, n.system, n.device, n.bot::boolean))
    order by 1, 2, 3, 4 limit greatest(${AGENTS_A_DAY} - (select count(*) from click_agents where added = (now() at time zone 'UTC')::date), 0)
    on conflict do nothing`
  await (sql as Sql)`
    insert into click_referrers (host)
    select host from unnest(${referrers}::text[]) as n (host) where not exists (select from click_referrers r where r.host = n.host)
    order by 1 limit greatest(${REFERRERS_A_DAY} - (select count(*) from click_referrers where added = (now() at time zone 'UTC')::date), 0)
    on conflict do nothing`
  const [row] = await (sql as Sql)<{ agents: number[]; referrers: string[] }[]>`
    select array(
        select place::int from unnest(${browser}::text[], ${system}::text[], ${device}::text[], ${bot}::int[])
          with ordinality as n (browser, system, device, bot, place)
        where not exists (select from click_agents a where (a.browser, a.system, a.device, a.bot) = (n.browser, n.system, n.device, n.bot::boolean))) as agents,
      array(
        select host from unnest(${referrers}::text[]) as n (host)
        where not exists (select from click_referrers r where r.host = n.host)) as referrers`
  const keyAt = (place: number) =>
    agentKey({ browser: browser[place - 1]!, system: system[place - 1]!, device: device[place - 1]!, bot: bot[place - 1] === 1 })
  return [...row!.agents.map(keyAt), ...row!.referrers]
}
