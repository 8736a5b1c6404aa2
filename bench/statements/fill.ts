// A large database, filled by SQL: links of many users, some with tags and titles, their events, and clicks of three months with their counts.
import postgres from 'postgres'

const DAYS = 85

/** Takes some minutes for 1,000,000 links and 10,000,000 clicks, and 4 GB. */
export async function fill(url: string, links: number, clicks: number) {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { synchronous_commit: 'off', jit: 'off' } as never })
  const users = Math.ceil(links / 10)
  await sql`insert into users (username, email) select 'user' || n, 'user' || n || '@example.com' from generate_series(1, ${users}::int) n`
  await sql`drop index if exists urls_search` // faster at the end
  // User 1 has 40 % of the links. Every link has one word, a third none in its title, and one in 20 a tag.
  await sql`
    insert into urls (user_id, short_code, original_url, title, is_active, created_at, tags)
    select case when n % 10 < 4 then 1 when n % 10 < 6 then 2 + (n * 7919) % ${users - 2} end, 'c' || n,
      'https://site' || (n * 31) % 5000 || '.example.com/page/' || n || '?id=' || md5(n::text),
      case when n % 3 > 0 then (array['Spring', 'Autumn', 'podcast', 'Status', 'Größe', 'погода', '東京'])[1 + n % 7] || ' ' || n % 1000 end,
      n % 50 > 0, now() - make_interval(secs => (${links}::bigint - n) * ${DAYS * 86_400} / ${links}::float8),
      case when n % 20 = 0 then array['tag' || (n / 20) % 200] else '{}' end
    from generate_series(1::bigint, ${links}::bigint) n order by n`
  await sql`
    create index urls_search on urls using gin ((short_code || ' ' || coalesce(original_url, '') || ' ' || coalesce(title, '')) gin_trgm_ops)
      where deleted_at is null`
  await sql`select create_events_partition(date_trunc('month', now()) - make_interval(months => m)) from generate_series(0, 3) m`
  await sql`
    insert into events (id, url_id, user_id, event_type, timestamp, details)
    select event_id_at(created_at) + id % 4096, id, user_id, 'created', created_at, '{"by": "open"}' from urls order by id`
  await sql`
    insert into click_agents (browser, system, device, bot)
    select b, s, d, false from unnest(array['Chrome', 'Firefox', 'Safari', 'Edge']) b, unnest(array['Windows', 'macOS', 'Android', 'iOS']) s,
      unnest(array['desktop', 'mobile']) d`
  await sql`insert into click_referrers (host) select 'host' || n || '.example' from generate_series(1, 1000) n`
  // A thousand clicks at a time, as a busy server stores them: half of any link, half of the first thousand.
  await sql`
    insert into clicks (id, url_id, timestamp, referrer, agent, address)
    select event_id_at(at) + 5000 + n % 1000, case when n % 2 = 0 then 1 + (n * 7919) % ${links}::bigint else 1 + (n * n % 1009) * 104729 % 1000 end,
      at + n % 1000 * interval '1 ms', case when n % 3 = 0 then 1 + n % 1000 end, 1 + n % 32, ('10.' || n % 250 || '.' || n / 250 % 250 || '.0')::inet
    from (
      select n, now() - make_interval(secs => ${DAYS * 86_400} * (1 - (n / 1000 * 1000)::float8 / ${clicks}::float8)) as at
      from generate_series(0::bigint, ${clicks - 1}::bigint) n) as spread`
  await sql`insert into link_totals (url_id, clicks, bots, last_click) select url_id, count(*), 0, max(timestamp) from clicks group by 1`
  await sql`
    insert into click_series (url_id, bucket, clicks, bots)
    select url_id, date_bin('15 minutes', timestamp, '2020-01-01 00:00:00+00'), count(*), 0 from clicks where url_id <= 2000 group by 1, 2`
  await sql`update click_rollup set watermark = coalesce((select id from clicks order by id >> 6 desc, id desc limit 1), 0)`
  await sql`select setval('event_ids', event_id_at(now()))`
  await sql.unsafe('vacuum analyze')
  await sql.end()
}
