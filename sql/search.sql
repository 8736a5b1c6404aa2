-- The index for searches anywhere in a link, if the extension may be created. Its text is that of searchedText in src/links/searched.ts.
create extension if not exists pg_trgm;
-- The extension may exist already, in a schema outside search_path.
select set_config('search_path', concat_ws(', ', nullif(current_setting('search_path'), ''), quote_ident(n.nspname)), true)
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm';
create index if not exists urls_search on urls using gin ((short_code || ' ' || coalesce(original_url, '') || ' ' || coalesce(title, '')) gin_trgm_ops)
  where deleted_at is null;
