-- pg_dump's preparations, and what other copying programs (pgloader, Airbyte, Fivetran-like) read first.

-- name: session
SELECT pg_catalog.set_config('search_path', '', false);
SET datestyle = ISO;
SET intervalstyle = postgres;
SET extra_float_digits TO 3;
SET synchronize_seqscans TO off;
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET row_security = off;
SELECT pg_catalog.pg_is_in_recovery();
RESET ALL;

-- name: snapshot
BEGIN;

-- name: isolation
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: end of the snapshot
COMMIT;

-- name: roles and namespaces
-- compare: columns
SELECT oid, rolname FROM pg_catalog.pg_roles ORDER BY 1;
SELECT n.tableoid, n.oid, n.nspname, n.nspowner, n.nspacl IS NULL AS plain FROM pg_namespace n;

-- name: extensions
SELECT count(*) AS others FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace WHERE x.extname <> 'plpgsql';

-- name: relations
SELECT c.relname, c.relkind, c.relchecks, c.relhasindex, c.relhasrules, c.relpersistence, c.relispopulated, c.relreplident, c.relrowsecurity,
       c.reltoastrelid = 0 OR true AS toast, am.amname, c.relispartition,
       d.refobjid::regclass::text AS owning_tab, d.refobjsubid AS owning_col
FROM pg_class c
LEFT JOIN pg_depend d ON (c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
                          AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
LEFT JOIN pg_am am ON (c.relam = am.oid)
WHERE c.relkind IN ('r', 'S', 'v', 'c', 'm', 'f', 'p') AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'orders' AND c.relname <> 'customers' ORDER BY c.oid;

-- name: columns
-- compare: columns
SELECT a.attrelid, a.attnum, a.attname, a.attstattarget, a.attstorage, t.typstorage, a.attnotnull, a.atthasdef, a.attisdropped, a.attlen, a.attalign,
       a.attislocal, pg_catalog.format_type(t.oid, a.atttypmod) AS atttypname,
       array_to_string(a.attoptions, ', ') AS attoptions, CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation ELSE 0 END AS attcollation,
       a.attcompression AS attcompression, a.attidentity, a.attgenerated
FROM unnest('{1259,1247}'::pg_catalog.oid[]) AS src(tbloid)
JOIN pg_catalog.pg_attribute a ON (src.tbloid = a.attrelid) LEFT JOIN pg_catalog.pg_type t ON (a.atttypid = t.oid)
WHERE a.attnum > 0::pg_catalog.int2 ORDER BY a.attrelid, a.attnum;

-- name: indexes and constraints
SELECT t.relname AS indexname, pg_catalog.pg_get_indexdef(i.indexrelid) AS indexdef, i.indkey, i.indisclustered, c.contype, c.conname, c.condeferrable, c.condeferred,
       pg_catalog.pg_get_constraintdef(c.oid, false) AS condef, i.indisreplident, inh.inhparent AS parentidx, i.indnkeyatts, i.indnatts
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class t ON (t.oid = i.indexrelid) JOIN pg_catalog.pg_class t2 ON (t2.oid = i.indrelid)
LEFT JOIN pg_catalog.pg_constraint c ON (i.indrelid = c.conrelid AND i.indexrelid = c.conindid AND c.contype IN ('p', 'u', 'x'))
LEFT JOIN pg_catalog.pg_inherits inh ON (inh.inhrelid = indexrelid)
WHERE (i.indisvalid OR t2.relkind = 'p') AND i.indisready AND t2.relnamespace = 'public'::regnamespace ORDER BY t.relname;

-- name: sequences
SELECT format_type(seqtypid, NULL) IS NOT NULL AS typed, seqstart, seqincrement, seqmin, seqcache, seqcycle FROM pg_catalog.pg_sequence WHERE seqrelid = 'counter'::regclass;

-- name: objects there are none of
SELECT (SELECT count(*) FROM pg_policy) + (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal) + (SELECT count(*) FROM pg_event_trigger) + (SELECT count(*) FROM pg_publication)
     + (SELECT count(*) FROM pg_publication_rel) + (SELECT count(*) FROM pg_publication_namespace) + (SELECT count(*) FROM pg_subscription) + (SELECT count(*) FROM pg_inherits)
     + (SELECT count(*) FROM pg_transform) + (SELECT count(*) FROM pg_statistic_ext) + (SELECT count(*) FROM pg_seclabel) + (SELECT count(*) FROM pg_largeobject_metadata)
     + (SELECT count(*) FROM pg_default_acl) + (SELECT count(*) FROM pg_foreign_server) + (SELECT count(*) FROM pg_user_mapping) AS number;

-- name: rules
SELECT ev_class::regclass::text AS view, rulename, is_instead, ev_enabled, pg_catalog.pg_get_ruledef(oid) IS NULL OR true AS told FROM pg_rewrite
WHERE ev_class >= 16384 AND ev_class IN (SELECT oid FROM pg_class WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'sales')));

-- name: comments
SELECT description, classoid::regclass AS catalog, objsubid FROM pg_catalog.pg_description
WHERE objoid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace) ORDER BY classoid, objsubid;

-- name: primary keys for incremental copies
SELECT kcu.table_name, kcu.column_name, kcu.ordinal_position FROM information_schema.key_column_usage kcu
JOIN information_schema.table_constraints tc USING (constraint_catalog, constraint_schema, constraint_name)
WHERE tc.constraint_type = 'PRIMARY KEY' AND tc.table_schema IN ('public', 'sales');

-- name: estimated rows
-- compare: columns
SELECT relname, n_live_tup, last_analyze FROM pg_stat_user_tables WHERE schemaname = 'public';
