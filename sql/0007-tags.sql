-- Tags of links. They are compared ignoring case, and kept as they were first written. No redirect reads them.

-- Comparisons use tag_keys, which a trigger keeps. An index on an expression would compute it for each row of a scan, which takes 10 µs, 30 times as long.
alter table urls
  add column tags text[] not null default '{}',
  add column tag_keys text[] not null default '{}',
  add constraint urls_max_tags check (cardinality(tags) <= 30) not valid; -- no existing row has any
alter table import_links add column tags text[];

-- No tag contains a bar, so one call folds them all.
create function keys_of_tags(tags text[]) returns text[] language sql immutable strict parallel safe
  return string_to_array(uncased(array_to_string(tags, '|')), '|');

-- The tags without those `removed`, followed by those `added` that are new. Of two spellings, the first stays.
create function changed_tags(tags text[], added text[], removed text[]) returns text[] language sql immutable parallel safe return (
  select coalesce(array_agg(tag order by place), '{}') from (
    select distinct on (uncased(tag)) tag, place
    from (
      select tag, place from unnest(tags) with ordinality as held (tag, place) where uncased(tag) <> all (keys_of_tags(removed))
      union all
      select tag, place + 1000 from unnest(added) with ordinality as given (tag, place)) as wanted
    order by uncased(tag), place) as kept);

-- A deleted link has no tags, also if an earlier release deletes it.
create function urls_tagged() returns trigger language plpgsql as $$
begin
  if new.deleted_at is not null then new.tags := '{}'; end if;
  -- One list, of tags: other hands may write nulls, or lists of lists.
  new.tags := array(select tag from unnest(new.tags) with ordinality as given (tag, place) where tag <> '' group by tag order by min(place));
  new.tag_keys := keys_of_tags(new.tags);
  return new;
end $$;
create trigger urls_tagged_new before insert on urls for each row when (new.tags <> '{}') execute function urls_tagged();
create trigger urls_tagged before update on urls for each row
  when (new.tags <> old.tags or new.deleted_at is not null and new.tags <> '{}') execute function urls_tagged();

create index urls_tag_keys on urls using gin (tag_keys) where tag_keys <> '{}';
create index urls_with_tags on urls (id) where tag_keys <> '{}';

-- A key that is bound to a tag reaches the links with it. Its hash is one that no earlier release looks up: such a release would ignore the tag.
alter table api_keys add column only_tag text;
drop trigger api_keys_changed on api_keys;
create trigger api_keys_changed after update of name, prefix, hash, scope, user_id, only_tag, expires_at, revoked_at on api_keys
  for each statement execute function policy_changed();
