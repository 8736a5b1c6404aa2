-- The order of links by clicks, resets of clicks, and answers for repeated requests.

-- A deleted link keeps its totals, but leaves the indexes for lists by clicks. The trigger runs before urls_changed: link_totals is locked before allowances.
alter table link_totals
  add column listed boolean not null default true,
  add column reset_at timestamptz(3), -- earlier clicks do not count, whenever they arrive
  add column reset_xid xid8; -- the transaction that reset it

create index link_totals_reset on link_totals (url_id) where reset_at is not null; -- few: each batch of clicks looks for them

create function urls_unlisted() returns trigger language plpgsql as $$
begin
  update link_totals set listed = false where url_id = new.id;
  return new;
end $$;
create trigger urls_become_unlisted before update of deleted_at on urls for each row
  when (old.deleted_at is null and new.deleted_at is not null) execute function urls_unlisted();

-- Returns 0. Raises an error if the statement with this snapshot did not see the reset of the link: it may store earlier clicks, so the caller runs it again.
create function unless_reset(reset xid8, seen pg_snapshot) returns int language plpgsql stable as $$
begin
  if reset is not null and not pg_visible_in_snapshot(reset, seen) then
    raise exception 'the clicks of a link were reset' using errcode = 'serialization_failure';
  end if;
  return 0;
end $$;

-- Links whose click events with ids below `before` are still being deleted, after a reset.
create table click_resets (
  url_id bigint primary key,
  before bigint not null
);

-- Answers to requests with an Idempotency-Key, kept for a day. The transaction that creates also stores the answer.
create table answers (
  id uuid primary key, -- of the caller and its key
  number bigint not null unique generated always as identity,
  request bytea not null, -- a hash of method, path and body, keyed by the Idempotency-Key
  status smallint not null,
  location text,
  body text not null,
  created_at timestamptz(3) not null default now()
);
create index answers_location on answers (location); -- to find the answers of an erased link or user
