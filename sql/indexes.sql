-- Indexes of large tables that are built after the migration: without a lock that writers wait for, where the database has other sessions.
create index urls_target on urls (hashtextextended(original_url, 0), user_id, id) where deleted_at is null;
create index urls_created on urls (created_at, id) where deleted_at is null;
create index urls_title on urls (left(uncased(title), 60) collate "C", id) where deleted_at is null;
create index link_totals_clicks on link_totals (clicks, url_id) where listed and clicks > 0;
create index link_totals_last_click on link_totals (last_click, url_id) where listed and last_click is not null;
