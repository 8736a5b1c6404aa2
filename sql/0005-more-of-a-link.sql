-- What a link says to a redirect besides its target: from when until when, how often, with which query, behind which page.
-- A link without any of it is plain.

-- The constraints are not valid for existing rows, which have nulls: validating them would read the whole table under a lock.
alter table urls
  add column valid_from timestamptz(3),
  add column valid_until timestamptz(3),
  add column expired_url text, -- where the link leads when it has expired or is used up
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
  add column extra text, -- what a redirect obeys of these, as compact JSON; null for a plain link
  add constraint urls_window check (valid_until > valid_from) not valid,
  add constraint urls_max_clicks check (max_clicks > 0) not valid,
  add constraint urls_forward_query check (forward_query in ('add', 'override')) not valid;

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

-- Clicks of max_clicks that no replica has leased yet; below 0 where the limit was lowered after they were.
create table allowances (
  url_id bigint primary key,
  "left" bigint not null
);

-- What a replica has leased of them: it spends these without asking. `recorded` counts the clicks of its journal that are stored.
create table leases (
  url_id bigint not null,
  click_limit bigint not null,
  journal_id uuid not null,
  granted bigint not null,
  spent bigint not null default 0, -- as the replica last reported
  recorded bigint not null default 0,
  primary key (url_id, click_limit, journal_id)
);
create index leases_journal on leases (journal_id);

-- Keeps the allowance in step with max_clicks. A raised limit revives the link. Null forgets what was spent.
create function limit_clicks(link inout urls, before bigint) language plpgsql as $$
declare
  remaining bigint;
begin
  if link.max_clicks is null then
    delete from leases where url_id = link.id;
    delete from allowances where url_id = link.id;
    link.click_limit := null;
    link.used_up_at := null;
    return;
  end if;
  insert into allowances as a (url_id, "left") values (link.id, link.max_clicks)
  on conflict (url_id) do update set "left" = a."left" + link.max_clicks - coalesce(before, 0)
  returning "left" into remaining;
  if link.click_limit is null or link.max_clicks < before then link.click_limit := link.version + 1; end if;
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
-- Plain links, which most are, never come to the function.
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
