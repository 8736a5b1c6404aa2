-- Names of users without blanks around them, and each letter in one spelling (NFC): "ada", " ada " and two ways to write "é" are one name,
-- also for two requests that race. Users that are there already stay as they are.

-- What JavaScript's trim takes.
create function tidy_name(name text) returns text language sql immutable parallel safe
  return normalize(btrim(name, E' \t\n\u000b\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff'), nfc);

create or replace function create_user(new_username text, new_email text)
returns table (conflict text, id bigint, username text, email text, created_at timestamptz) language plpgsql as $$
#variable_conflict use_column
declare
  taken text;
begin
  new_username := tidy_name(new_username);
  new_email := tidy_name(new_email);
  taken := user_conflict(null, new_username, new_email);
  if taken is not null then
    return query select taken, null::bigint, null::text, null::text, null::timestamptz;
  else
    return query insert into users (username, email) values (new_username, new_email)
      returning null::text, id, username, email, created_at::timestamptz;
  end if;
end $$;

create or replace function update_user(user_id bigint, new_username text, new_email text)
returns table (conflict text, id bigint, username text, email text, created_at timestamptz) language plpgsql as $$
#variable_conflict use_column
declare
  taken text;
begin
  -- What stays as it is cannot conflict: imported users may share a name, and must still be editable.
  select nullif(tidy_name(new_username), username), nullif(tidy_name(new_email), email) into new_username, new_email
  from users where id = user_id for update;
  taken := user_conflict(user_id, new_username, new_email);
  if taken is not null then
    return query select taken, null::bigint, null::text, null::text, null::timestamptz;
  else
    return query update users set username = coalesce(new_username, username), email = coalesce(new_email, email)
      where id = user_id returning null::text, id, username, email, created_at::timestamptz;
  end if;
end $$;
