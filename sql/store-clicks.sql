-- Stores a batch of clicks and adds them to the totals of their links, exactly once.
-- $1 journal  $2 its watermark before  $3 and after
-- $4..$9 clicks: link, time (ms since 1970), place in the referrers, place in the agents, address, details
-- $10..$13 agents: browser, system, device, bot (0, 1)     $14 referrers
-- $15..$19 totals: link, clicks, bots, first and last (ms)
-- $20..$21 of links with max_clicks: link, clicks that spent a lease
-- The fence: if the watermark changed since it was read, nothing is stored. So no batch is stored twice, not even by a replica that was
-- suspended while another adopted its journal, or after a failover. Clicks of purged links are skipped.
-- Nothing is stored either where clicks are older than a reset of their link (`late` names these links, and the caller leaves the clicks out),
-- nor where an agent or a referrer is not in its table yet (`unknown`: the caller adds them).
with late as (
  select t.url_id, t.reset_at from unnest($15::bigint[], $18::float8[]) as n (link, first)
  join link_totals t on t.url_id = n.link and t.reset_at > to_timestamp(n.first / 1000)),
agents as materialized (
  select array_agg(a.id order by n.place) as ids
  from unnest($10::text[], $11::text[], $12::text[], $13::int[]) with ordinality as n (browser, system, device, bot, place)
  left join click_agents a on (a.browser, a.system, a.device, a.bot) = (n.browser, n.system, n.device, n.bot::boolean)),
referrers as materialized (
  select array_agg(r.id order by n.place) as ids
  from unnest($14::text[]) with ordinality as n (host, place) left join click_referrers r on r.host = n.host),
unknown as materialized (
  select array_position((select ids from agents), null) is not null or array_position((select ids from referrers), null) is not null as any_new),
fence as (
  update journals set watermark = $3, updated_at = now()
  where journal_id = $1 and watermark = $2 and not exists (select from late) and not (select any_new from unknown)
  returning journal_id),
link as (
  select u.id from urls u
  where u.id = any ($15::bigint[]) and u.purged_at is null and exists (select from fence)),
moved as materialized (select next_event_id() as id from fence),
click as (
  insert into clicks (id, url_id, timestamp, referrer, agent, address, details)
  select nextval('event_ids'), n.link, to_timestamp(n.at / 1000), (select ids from referrers)[n.referrer], (select ids from agents)[n.agent],
    n.address, n.details::jsonb
  from moved, unnest($4::bigint[], $5::float8[], $6::int[], $7::int[], $8::inet[], $9::text[]) as n (link, at, referrer, agent, address, details)
  join link on link.id = n.link
  returning 1),
-- All writers lock totals in the order of their links.
total as (
  insert into link_totals as t (url_id, clicks, bots, last_click)
  select n.link, n.clicks, n.bots, to_timestamp(n.last / 1000)
  from unnest($15::bigint[], $16::bigint[], $17::bigint[], $19::float8[]) as n (link, clicks, bots, last) join link on link.id = n.link
  order by 1
  on conflict (url_id) do update set
    clicks = t.clicks + excluded.clicks + case when t.reset_xid is null then 0 else unless_reset(t.reset_xid, pg_current_snapshot()) end,
    bots = t.bots + excluded.bots, last_click = greatest(t.last_click, excluded.last_click)
  returning 1)
-- Allowances are locked after totals, as by the deletion of a link.
select (
    select count(record_spent($1, $20::bigint[], $21::bigint[])) from fence where $20 <> '{}'::bigint[] and (select count(*) from total) >= 0) as spent,
  (select count(*) from fence) as fenced, (select count(*) from click) as stored, (select any_new from unknown) as unknown,
  (select json_object_agg(url_id, round(extract(epoch from reset_at) * 1000)) from late) as late
