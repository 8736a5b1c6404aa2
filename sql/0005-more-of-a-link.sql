-- The rules of a link for its redirects: its window of time, its limit on clicks, forwarding, and pages in front of the target. A link without rules is plain.

-- The constraints are not valid for existing rows, which have nulls: validating them would read the whole table under a lock.
alter table urls
  add column valid_from timestamptz(3),
  add column valid_until timestamptz(3),
  add column expired_url text, -- the target once the link has expired or is used up
  add column max_clicks bigint,
  add column forward_query text, -- add or override; null: off
  add column forward_path boolean not null default false,
  add column password text, -- its hash
  add column confirm boolean not null default false,
  add column noindex boolean, -- null: as the setting NOINDEX says
  add column card jsonb,
  add column note text, -- for the owner; no redirect reads it
  add column used_up_at timestamptz(3), -- set when the last click of max_clicks was spent
  add column click_limit bigint, -- names one limit: another one, or a lower one, makes leases of this one void
  add column extra text, -- the rules for the redirect, as compact JSON; null for a plain link
  add constraint urls_window check (valid_until > valid_from) not valid,
  add constraint urls_max_clicks check (max_clicks > 0) not valid,
  add constraint urls_forward_query check (forward_query in ('add', 'override')) not valid,
  add constraint urls_card check (jsonb_typeof(card) = 'object' and not jsonb_path_exists(card, 'strict $.* ? (@.type() != "string")', '{}', true)) not valid;

create index urls_valid_until on urls (valid_until) where valid_until is not null;
create index urls_valid_from on urls (valid_from) where valid_from is not null;
create index urls_used_up on urls (id) where used_up_at is not null;

create function ms(at timestamptz) returns bigint language sql stable as 'select (extract(epoch from at) * 1000)::bigint';

create function link_extra(link urls) returns text language sql stable as $$
  select nullif(jsonb_strip_nulls(jsonb_build_object(
    'valid_from', ms(link.valid_from),
    'valid_until', ms(link.valid_until),
    'expired_url', link.expired_url,
    'click_limit', link.click_limit,
    'used_up', case when link.used_up_at is not null then true end,
    'forward_query', link.forward_query,
    'forward_path', nullif(link.forward_path, false),
    'password', link.password,
    'confirm', nullif(link.confirm, false),
    'noindex', link.noindex,
    'card', link.card))::text, '{}')
$$;

-- Clicks of max_clicks that no replica has leased yet; below 0 if the limit was lowered after that.
create table allowances (
  url_id bigint primary key,
  "left" bigint not null
);

-- The clicks that a replica has leased. It spends them without asking. `recorded` counts the clicks of its journal that are stored.
create table leases (
  url_id bigint not null,
  click_limit bigint not null,
  journal_id uuid not null,
  granted bigint not null,
  spent bigint not null default 0, -- as the replica last reported
  recorded bigint not null default 0,
  void boolean not null default false, -- max_clicks was null since: nothing is given back, but its clicks may still be in the journal
  turn bigint not null default 0, -- of the replica's last statement: a return that comes later than its turn would give back what was spent since
  primary key (url_id, click_limit, journal_id)
);
create index leases_journal on leases (journal_id, url_id);

-- The identity of the database that knows all leases. A promoted standby may have missed some, until the replicas confirm theirs. The identity is
-- written with the schema: one written with the first lease could be missed together with it.
create table lease_epoch (
  only_row boolean primary key default true check (only_row),
  identity text,
  since timestamptz not null default '-infinity'
);
insert into lease_epoch default values;

-- Keeps the allowance in step with max_clicks. A raised limit revives the link. Null forgets the spent clicks.
create function limit_clicks(link inout urls, before bigint) language plpgsql as $$
declare
  remaining bigint;
begin
  if link.max_clicks is null then
    delete from allowances where url_id = link.id;
    update leases set void = true where url_id = link.id and not void;
    link.click_limit := null;
    link.used_up_at := null;
    return;
  end if;
  insert into allowances as a (url_id, "left") values (link.id, link.max_clicks)
  on conflict (url_id) do update set "left" = a."left" + link.max_clicks - coalesce(before, 0)
  returning "left" into remaining;
  if link.click_limit is null or link.max_clicks < before then
    link.click_limit := greatest(link.version, link.click_limit) + 1; -- greater than each before: a null raised the version
  end if;
  if remaining > 0 then link.used_up_at := null; end if;
end $$;

create or replace function urls_changed() returns trigger language plpgsql as $$
begin
  if new.deleted_at is not null and old.deleted_at is null then
    new.valid_from := null; new.valid_until := null; new.expired_url := null; new.max_clicks := null; new.forward_query := null;
    new.forward_path := false; new.password := null; new.confirm := false; new.noindex := null; new.card := null; new.note := null;
  end if;
  if old.max_clicks is distinct from new.max_clicks then new := limit_clicks(new, old.max_clicks); end if;
  new.extra := link_extra(new);
  if (new.short_code, new.original_url, new.location, new.is_active, new.deleted_at, new.extra)
     is distinct from (old.short_code, old.original_url, old.location, old.is_active, old.deleted_at, old.extra) then
    new.version := old.version + 1;
    new.xid := pg_current_xact_id();
  end if;
  return new;
end $$;

create function urls_extra() returns trigger language plpgsql as $$
begin
  if new.max_clicks is not null and new.click_limit is null then new := limit_clicks(new, null); end if; -- else a backup is restored
  new.extra := link_extra(new);
  return new;
end $$;
-- Most links are plain. For them, the function is never called.
create trigger urls_extra before insert on urls for each row
  when (new.valid_from is not null or new.valid_until is not null or new.expired_url is not null or new.max_clicks is not null
    or new.forward_query is not null or new.forward_path or new.password is not null or new.confirm or new.noindex is not null
    or new.card is not null)
  execute function urls_extra();

-- The schema version that a replica knows, null before release 0.2.0: one that does not know the columns above would ignore them.
alter table replicas add column schema int;

alter table import_links
  add column valid_from timestamptz(3),
  add column valid_until timestamptz(3),
  add column expired_url text,
  add column max_clicks bigint,
  add column forward_query text,
  add column forward_path boolean,
  add column confirm boolean,
  add column noindex boolean,
  add column note text;

-- To avoid deadlocks, every function locks in this order: urls, allowances, leases.

-- Leases clicks to a journal: at least `wanted`, which visits are waiting to spend, and more while many are left, so that few visits wait. `spent_here`
-- is how many the journal has spent under this limit. No row: the link has another limit by now. `granted` is 0 if no click is left; then `elsewhere`
-- counts those that other live replicas have leased. The link is marked as used up as soon as no replica has an unspent one. granted is null until
-- the replicas have confirmed their leases.
create function lease_clicks(link bigint, of_limit bigint, journal uuid, this_turn bigint, spent_here bigint, wanted bigint, identity_now text)
returns table (granted bigint, total bigint, elsewhere bigint) language plpgsql as $$
declare
  remaining bigint;
  replicas_alive bigint := (select greatest(1, count(*)) from replicas where seen_at > clock_timestamp() - interval '10 s');
  confirmed timestamptz;
begin
  perform from urls u where u.id = link and u.click_limit = of_limit for no key update;
  if not found then return; end if;
  if identity_now is not null then
    update lease_epoch set identity = identity_now, since = clock_timestamp() where identity is distinct from identity_now;
    select since into confirmed from lease_epoch;
    if confirmed > clock_timestamp() - interval '5 s' then
      return query select null::bigint, null::bigint, null::bigint;
      return;
    end if;
  end if;
  select a."left" into remaining from allowances a where a.url_id = link for update;
  granted := least(greatest(remaining, 0), greatest(wanted, least(remaining / (8 * replicas_alive), 10000)));
  update allowances a set "left" = a."left" - lease_clicks.granted where a.url_id = link and lease_clicks.granted > 0;
  insert into leases as l (url_id, click_limit, journal_id, granted, spent, turn)
  values (link, of_limit, journal, lease_clicks.granted, spent_here + least(lease_clicks.granted, wanted), this_turn)
  on conflict (url_id, click_limit, journal_id) do update set
    granted = l.granted + excluded.granted, spent = greatest(l.spent, excluded.spent), turn = greatest(l.turn, excluded.turn)
  returning l.granted into total;
  select coalesce(sum(greatest(l.granted - greatest(l.spent, l.recorded), 0)), 0) into elsewhere
  from leases l join replicas r on r.id = l.journal_id and r.seen_at > clock_timestamp() - interval '10 s'
  where l.url_id = link and l.journal_id <> journal and not l.void;
  if elsewhere = 0 and remaining <= granted and total - spent_here <= wanted then
    update urls set used_up_at = clock_timestamp() where id = link and used_up_at is null;
  end if;
  return next;
end $$;

-- Gives clicks back; the link works again if it was used up.
create function give_back(link bigint, clicks bigint) returns void language plpgsql as $$
begin
  if clicks <= 0 or clicks is null then return; end if;
  perform from urls where id = link for no key update;
  update allowances set "left" = "left" + clicks where url_id = link;
  update urls set used_up_at = null where id = link and used_up_at is not null and exists (select from allowances where url_id = link and "left" > 0);
end $$;

-- Returns the clicks that a journal has leased and not spent. Repeating it, or running it too late, changes nothing.
create function return_lease(link bigint, of_limit bigint, journal uuid, this_turn bigint, spent_here bigint) returns void language plpgsql as $$
declare
  unspent bigint;
begin
  perform from urls where id = link for no key update;
  perform from allowances where url_id = link for update;
  select granted - spent_here into unspent from leases
  where url_id = link and click_limit = of_limit and journal_id = journal and granted > spent_here and turn < this_turn and not void for update;
  if not found then return; end if;
  update leases set granted = spent_here, spent = spent_here, turn = this_turn where url_id = link and click_limit = of_limit and journal_id = journal;
  perform give_back(link, unspent);
end $$;

-- Confirms leases that the database may have lost in a failover.
create function confirm_leases(journal uuid, links bigint[], limits bigint[], totals bigint[], spents bigint[]) returns void language plpgsql as $$
declare
  lease record;
  known bigint;
begin
  for lease in select * from unnest(links, limits, totals, spents) as l (link, of_limit, total, spent) order by link loop
    perform from urls where id = lease.link and click_limit = lease.of_limit for no key update;
    continue when not found;
    perform from allowances where url_id = lease.link for update;
    select granted into known from leases where url_id = lease.link and click_limit = lease.of_limit and journal_id = journal;
    continue when known >= lease.total;
    insert into leases as l (url_id, click_limit, journal_id, granted, spent) values (lease.link, lease.of_limit, journal, lease.total, lease.spent)
    on conflict (url_id, click_limit, journal_id) do update set granted = excluded.granted, spent = greatest(l.spent, excluded.spent);
    update allowances set "left" = "left" - (lease.total - coalesce(known, 0)) where url_id = lease.link;
  end loop;
end $$;

-- Counts stored clicks of a journal that spent a lease. The limit of each is unknown: older leases are filled first, so that each click counts once. If
-- the journal spent more than the database knows to be leased, a failover lost the lease.
create function record_spent(journal uuid, links bigint[], counts bigint[]) returns void language plpgsql as $$
declare
  click record;
  missing bigint;
begin
  for click in select * from unnest(links, counts) as c (link, n) order by link loop
    perform from allowances where url_id = click.link for update;
    continue when not found;
    insert into leases (url_id, click_limit, journal_id, granted)
    select id, click_limit, journal, 0 from urls where id = click.link and click_limit is not null
      and not exists (select from leases where url_id = click.link and journal_id = journal);
    update leases l set recorded = greatest(0, case when placed.newest then placed.reached else least(placed.reached, l.granted) end)
    from (
      select click_limit, row_number() over (order by click_limit desc) = 1 as newest,
        sum(recorded) over () + click.n - (sum(granted) over (order by click_limit) - granted) as reached
      from leases where url_id = click.link and journal_id = journal) as placed
    where l.url_id = click.link and l.journal_id = journal and l.click_limit = placed.click_limit;
    select sum(recorded - granted) into missing from leases where url_id = click.link and journal_id = journal and recorded > granted;
    continue when missing is null;
    update leases set granted = recorded where url_id = click.link and journal_id = journal and recorded > granted;
    update allowances set "left" = "left" - missing where url_id = click.link;
  end loop;
end $$;

-- Gives back the clicks that an ended process had leased and not spent, for at most so many links; returns how many. All clicks of its journal must be
-- stored. A replica that ran for long may have had leases of each link.
create function settle_leases(journal uuid, most bigint) returns bigint language plpgsql as $$
declare
  lease record;
  handled bigint := 0;
begin
  for lease in
    select url_id, sum(granted - recorded) filter (where not void) as unspent from leases where journal_id = journal group by url_id order by url_id limit most
  loop
    handled := handled + 1;
    perform from urls where id = lease.url_id for no key update;
    perform from allowances where url_id = lease.url_id for update;
    delete from leases where journal_id = journal and url_id = lease.url_id;
    if found then perform give_back(lease.url_id, lease.unspent::bigint); end if;
  end loop;
  return handled;
end $$;
