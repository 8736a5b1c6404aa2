-- Aliases: more codes of one link. Each is a row of urls that redirects as its link does; lists and totals leave it out.

-- The id of the link. No foreign key: it would slow down every creation, and rows of urls are never deleted.
alter table urls add column alias_of bigint;
create index urls_alias_of on urls (alias_of) where alias_of is not null;

-- A new alias, or one that is given back, copies the columns for redirects from its link. The lock orders this with changes of the link. In a backup,
-- aliases have their values already.
create function alias_of_link() returns trigger language plpgsql as $$
declare
  link urls;
begin
  select * into link from urls where id = new.alias_of and alias_of is null and deleted_at is null for no key update;
  if link.id is null then
    raise exception 'alias_of must be the id of a link' using errcode = 'check_violation', constraint = 'urls_alias_of';
  end if;
  if (select count(*) from urls where alias_of = link.id and deleted_at is null) >= 100 then
    raise exception 'a link has at most 100 aliases' using errcode = 'check_violation', constraint = 'urls_aliases';
  end if;
  new.original_url := link.original_url;
  new.location := link.location;
  new.is_active := link.is_active;
  new.extra := link.extra;
  return new;
end $$;
create trigger urls_alias before insert on urls for each row
  when (new.alias_of is not null and new.original_url is null and new.deleted_at is null) execute function alias_of_link();
create trigger urls_alias_back before update on urls for each row
  when (new.alias_of is not null and old.deleted_at is not null and new.deleted_at is null) execute function alias_of_link();

-- Its name makes this trigger run after urls_changed. A code that moves between a link and its aliases gets a higher version, by which caches order changes.
create function alias_changed() returns trigger language plpgsql as $$
declare
  link urls;
begin
  select * into link from urls where id = new.alias_of;
  new.extra := case when new.deleted_at is null then link.extra end;
  new.version := greatest(old.version + 1, link.version);
  new.xid := pg_current_xact_id();
  return new;
end $$;
create trigger urls_changed_alias before update on urls for each row when (new.alias_of is not null) execute function alias_changed();

-- Aliases change with their link, and are deleted with it.
create function aliases_follow() returns trigger language plpgsql as $$
begin
  update urls set original_url = new.original_url, location = new.location, is_active = new.is_active, deleted_at = new.deleted_at,
    updated_at = new.updated_at
  where alias_of = new.id and deleted_at is null;
  return null;
end $$;
create trigger urls_followed after update on urls for each row
  when (new.alias_of is null and new.version <> old.version) execute function aliases_follow();

-- Renaming a link keeps its old code as an alias. If the new code is an alias of the same link, removed or not, the two swap codes: the alias first
-- gets a name that no code has.
create function link_renames() returns trigger language plpgsql as $$
declare
  known bigint;
begin
  update urls set short_code = '/' || id where alias_of = new.id and short_code = new.short_code returning version into known;
  new.version := greatest(new.version, known + 1);
  return new;
end $$;
create trigger urls_renames before update of short_code on urls for each row
  when (new.alias_of is null and new.short_code <> old.short_code) execute function link_renames();

create function link_renamed() returns trigger language plpgsql as $$
begin
  update urls set short_code = old.short_code, deleted_at = null, updated_at = now()
  where alias_of = new.id and short_code = '/' || id;
  if not found then
    insert into urls (short_code, alias_of, version) values (old.short_code, new.id, new.version);
  end if;
  return null;
end $$;
create trigger urls_renamed after update of short_code on urls for each row
  when (new.alias_of is null and new.short_code <> old.short_code) execute function link_renamed();

alter table import_links add column aliases text[];

-- The code in lower case, by the letters A to Z alone: the edge copy and JavaScript do the same, whatever the locale.
create function folded(code text) returns text language sql immutable strict parallel safe return lower(code collate "C");
