-- Search anywhere in a link, where the extension may be made; elsewhere a search matches the beginning of a code.
create extension if not exists pg_trgm;
create index if not exists urls_search on urls using gin ((short_code || ' ' || coalesce(original_url, '') || ' ' || coalesce(title, '')) gin_trgm_ops)
  where deleted_at is null;
