-- Upper and lower case compare alike in every database, whatever its locale: in Turkish, I is not the capital of i.

-- The text in lower case, by the letters alone. C, where there is neither ICU nor the locale of PostgreSQL 17, knows those of ASCII.
do $$ begin
  execute format(
    'create function uncased(text text) returns text language sql immutable strict parallel safe return lower(text collate %s)',
    coalesce(
      (select format('%I.%I', 'pg_catalog', collname) from pg_collation
        where collnamespace = 'pg_catalog'::regnamespace and collname in ('und-x-icu', 'pg_c_utf8') and collencoding in (-1, 6)
        order by collname = 'und-x-icu' desc limit 1),
      'pg_catalog."C"'));
end $$;

-- A search asks an index with ilike, which is the database's. Where its locale has another i, or knows no letters but those of ASCII, each such letter
-- may be any there, and the rows are looked at again. Elsewhere both functions say nothing, and cost nothing.
do $$ begin
  if lower('I') = 'i' and upper('i') = 'I' and lower(U&'\00C4') = U&'\00E4' then
    create function case_pattern(pattern text) returns text language sql immutable strict parallel safe return pattern;
    create function has_text(text text, part text) returns boolean language sql immutable parallel safe return true;
  else
    create function case_pattern(pattern text) returns text language sql immutable strict parallel safe
      return regexp_replace(pattern, '[iI]|[^ -~]', '_', 'g');
    create function has_text(text text, part text) returns boolean language sql immutable parallel safe
      return strpos(uncased(text), uncased(part)) > 0;
  end if;
end $$;

create index users_email_uncased on users (uncased(email));
drop index users_email;

create or replace function user_conflict(except_id bigint, new_username text, new_email text) returns text language plpgsql as $$
declare
  key bigint;
begin
  for key in
    select distinct k from unnest(array[hashtextextended('username ' || new_username, 0), hashtextextended('email ' || uncased(new_email), 0)]) k
    where k is not null order by k
  loop
    perform pg_advisory_xact_lock(key);
  end loop;
  return (
    select case when username = new_username then 'username' else 'email' end from users
    where (username = new_username or uncased(email) = uncased(new_email)) and id is distinct from except_id
    order by (username = new_username) is true desc limit 1);
end $$;

-- Of the host in a referrer.
do $$ begin
  execute replace(pg_get_functiondef('count_click'::regproc), 'lower(text)', 'lower(text collate "C")');
end $$;
