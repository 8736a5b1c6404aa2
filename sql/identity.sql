concat_ws('/', (select system_identifier from pg_control_system()), left(pg_walfile_name(pg_current_wal_lsn()), 8),
    (select oid from pg_database where datname = current_database()), pg_relation_filenode('urls'),
    (select extract(epoch from stats_reset) from pg_stat_archiver where version() not like '%PGlite%'))
