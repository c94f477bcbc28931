-- The contents of pg_catalog, read by name: columns that a view here does not give are NULL, or zero where PostgreSQL
-- has NOT NULL. What is in `fixed` is computed once, what is in `changing` with every snapshot, what is in `rows` when
-- it is asked for. Catalogs without a view here hold the rows of `facts`, or none, as in a database without such objects.

-- Names of relations with oids, the built-in ones too: for regclass.
CREATE VIEW rvbbit_pg.base.relation_names AS
SELECT oid, nspname, relname FROM rvbbit_pg.base.relations
UNION ALL SELECT oid, nspname, relname FROM rvbbit_pg.base.system_relations;

-- Types made by users, as format_type shows them.
CREATE VIEW rvbbit_pg.base.user_type_names AS
SELECT oid, CASE WHEN list_contains(rvbbit_pg.base.search_path(), nspname) THEN short_name ELSE name END AS name,
       nspname, typname, is_array
FROM rvbbit_pg.base.user_types;

CREATE VIEW rvbbit_pg.rows.pg_namespace AS
SELECT oid, nspname, 10 AS nspowner FROM rvbbit_pg.base.schemas
UNION ALL VALUES (11, 'pg_catalog', 10), (99, 'pg_toast', 10), (13212, 'information_schema', 10);

CREATE VIEW rvbbit_pg.fixed.pg_class AS
SELECT oid, relname, nspoid AS relnamespace, 10 AS relowner, relkind, CASE relkind WHEN 'r' THEN 2 ELSE 0 END AS relam,
       reltype, CASE relkind WHEN 'r' THEN oid ELSE 0 END AS relfilenode, relnatts, relkind = 'v' AS relhasrules,
       'p' AS relpersistence, true AS relispopulated, 'n' AS relreplident, -1 AS reltuples
FROM rvbbit_pg.base.system_relations;

CREATE VIEW rvbbit_pg.changing.pg_class AS
SELECT oid, relname, nspoid AS relnamespace, 10 AS relowner, relkind,
       CASE relkind WHEN 'r' THEN 2 WHEN 'i' THEN 403 ELSE 0 END AS relam,
       CASE WHEN relkind IN ('r', 'v') THEN rvbbit_pg.base.oid_of('rowtype', nspname || '.' || relname) ELSE 0 END AS reltype,
       CASE WHEN relkind = 'v' THEN 0 ELSE oid END AS relfilenode,
       tuples AS reltuples, ceil(tuples / 2048) AS relpages, indexed AS relhasindex,
       CASE WHEN "temporary" THEN 't' ELSE 'p' END AS relpersistence, natts AS relnatts, checks AS relchecks,
       relkind = 'v' AS relhasrules, triggered AS relhastriggers, true AS relispopulated,
       CASE relkind WHEN 'r' THEN 'd' ELSE 'n' END AS relreplident
FROM rvbbit_pg.base.relations;

CREATE VIEW rvbbit_pg.fixed.pg_attribute AS
SELECT reloid AS attrelid, attname, atttypid, attlen, attnum, attndims, atttypmod, -1 AS attcacheoff, attbyval,
       attalign, attstorage, '' AS attcompression, attnotnull, '' AS attidentity, '' AS attgenerated,
       true AS attislocal, -1 AS attstattarget, attcollation, false AS atthasdef, false AS attisdropped
FROM rvbbit_pg.base.system_columns;

CREATE VIEW rvbbit_pg.changing.pg_attribute AS
FROM (
SELECT c.attrelid, c.column_name AS attname, c.atttypid, t.typlen AS attlen, c.column_index AS attnum,
       CASE WHEN c.is_array THEN 1 ELSE 0 END AS attndims, -1 AS attcacheoff, c.atttypmod, t.typbyval AS attbyval,
       t.typalign AS attalign, t.typstorage AS attstorage, '' AS attcompression, NOT c.is_nullable AS attnotnull,
       (c.column_default IS NOT NULL AND c.identity = '') OR c.is_generated AS atthasdef, false AS atthasmissing,
       c.identity AS attidentity,
       CASE WHEN c.is_generated THEN 's' ELSE '' END AS attgenerated, false AS attisdropped, true AS attislocal,
       0 AS attinhcount, -1 AS attstattarget, t.typcollation AS attcollation
FROM rvbbit_pg.base.typed_columns c
LEFT JOIN (SELECT oid, typlen, typbyval, typalign, typstorage, typcollation FROM rvbbit_pg.base.system_types
           UNION ALL SELECT oid, 4, true, 'i', 'p', 0 FROM rvbbit_pg.base.enums
           UNION ALL SELECT array_oid, -1, false, 'i', 'x', 0 FROM rvbbit_pg.base.enums) t ON t.oid = c.atttypid
UNION ALL BY NAME
SELECT k.indexrelid AS attrelid, coalesce(c.column_name, nullif(regexp_extract(k.item, '^(\w+)\(', 1), ''), 'expr') AS attname, coalesce(c.atttypid, 25) AS atttypid,
       -1 AS attlen, k.attnum, coalesce(c.atttypmod, -1) AS atttypmod, -1 AS attcacheoff, 'i' AS attalign,
       coalesce(t.typstorage, 'p') AS attstorage, '' AS attcompression, '' AS attidentity, '' AS attgenerated, true AS attislocal,
       -1 AS attstattarget, false AS attnotnull, false AS atthasdef, false AS attisdropped
FROM (SELECT indexrelid, indrelid, unnest(indkey) AS key, unnest(items) AS item, generate_subscripts(indkey, 1) AS attnum
      FROM rvbbit_pg.base.indexes) k
LEFT JOIN rvbbit_pg.base.typed_columns c ON c.attrelid = k.indrelid AND c.column_index = k.key
LEFT JOIN rvbbit_pg.base.system_types t ON t.oid = coalesce(c.atttypid, 25)
UNION ALL BY NAME
SELECT q.oid AS attrelid, a.attname, a.atttypid,
       a.attlen, a.attnum, true AS attnotnull, -1 AS atttypmod, -1 AS attcacheoff, true AS attbyval, a.attalign,
       'p' AS attstorage, '' AS attcompression, '' AS attidentity, '' AS attgenerated, true AS attislocal,
       -1 AS attstattarget, false AS atthasdef, false AS attisdropped
FROM rvbbit_pg.base.sequences q,
     (VALUES ('last_value', 20, 8, 1, 'd'), ('log_cnt', 20, 8, 2, 'd'), ('is_called', 16, 1, 3, 'c'))
     a(attname, atttypid, attlen, attnum, attalign)
) ORDER BY attrelid, attnum;

CREATE VIEW rvbbit_pg.changing.pg_attrdef AS
SELECT rvbbit_pg.base.oid_of('default', c.nspname || '.' || c.table_name || '.' || column_name) AS oid,
       attrelid AS adrelid, column_index AS adnum,
       CASE WHEN is_generated THEN coalesce(generation_expression, column_default)
            WHEN regexp_full_match(column_default, '''([^'']|'''')*''')
            THEN column_default || '::' || coalesce(rvbbit_pg.base.sql_type_name(atttypid), t.short_name)
            ELSE regexp_replace(CASE WHEN starts_with(column_default, 'nextval(')
                                     THEN regexp_replace(column_default, '"([a-z_][a-z0-9_]*)"', '\1', 'g')
                                     ELSE column_default END, '^nextval\(''([^'']*)''\)$', 'nextval(''\1''::regclass)') END AS adbin
FROM rvbbit_pg.base.typed_columns c LEFT JOIN rvbbit_pg.base.user_types t ON t.oid = c.atttypid
WHERE (column_default IS NOT NULL AND identity = '') OR is_generated;

CREATE VIEW rvbbit_pg.changing.pg_constraint AS
SELECT rvbbit_pg.base.oid_of('constraint', c.nspname || '.' || c.table_name || '.' || c.conname) AS oid, c.conname,
       c.nspoid AS connamespace,
       CASE c.constraint_type WHEN 'PRIMARY KEY' THEN 'p' WHEN 'UNIQUE' THEN 'u' WHEN 'CHECK' THEN 'c' ELSE 'f' END AS contype,
       true AS convalidated, c.condeferrable, c.condeferred, c.conrelid,
       CASE WHEN c.constraint_type IN ('PRIMARY KEY', 'UNIQUE')
            THEN rvbbit_pg.base.oid_of('index', c.nspname || '.' || c.table_name || '.' || c.conname)
            WHEN c.constraint_type = 'FOREIGN KEY' THEN coalesce(target.indexrelid, 0) ELSE 0 END AS conindid,
       CASE c.constraint_type WHEN 'FOREIGN KEY' THEN c.confrelid ELSE 0 END AS confrelid,
       CASE c.constraint_type WHEN 'FOREIGN KEY' THEN c.confupdtype ELSE ' ' END AS confupdtype,
       CASE c.constraint_type WHEN 'FOREIGN KEY' THEN c.confdeltype ELSE ' ' END AS confdeltype,
       CASE c.constraint_type WHEN 'FOREIGN KEY' THEN 's' ELSE ' ' END AS confmatchtype,
       true AS conislocal, c.constraint_type <> 'CHECK' AS connoinherit, c.conkey,
       CASE c.constraint_type WHEN 'FOREIGN KEY' THEN c.confkey END AS confkey, c.expression AS conbin
FROM rvbbit_pg.base.constraints c
LEFT JOIN (SELECT indrelid, items, min(indexrelid) AS indexrelid FROM rvbbit_pg.base.indexes WHERE indisunique
           GROUP BY ALL) target ON target.indrelid = c.confrelid AND target.items = c.referenced_column_names;

CREATE VIEW rvbbit_pg.changing.pg_index AS
SELECT i.indexrelid, i.indrelid, len(i.items) AS indnatts, len(i.items) AS indnkeyatts, i.indisunique,
       false AS indnullsnotdistinct, i.indisprimary, false AS indisexclusion, true AS indimmediate,
       false AS indisclustered, true AS indisvalid, true AS indisready, true AS indislive, i.indkey,
       list_transform(i.indkey, lambda k: 0) AS indoption, list_transform(i.indkey, lambda k: 0) AS indcollation,
       keys.indclass,
       CASE WHEN list_contains(i.indkey, 0) THEN array_to_string(
           list_filter(i.items, lambda item: NOT list_contains(i.table_columns, item)), ', ') END AS indexprs
FROM rvbbit_pg.base.indexes i
JOIN (SELECT k.indexrelid, list(coalesce(o.oid, 3126) ORDER BY k.n) AS indclass
      FROM (SELECT indexrelid, indrelid, unnest(indkey) AS key, generate_subscripts(indkey, 1) AS n
            FROM rvbbit_pg.base.indexes) k
      LEFT JOIN rvbbit_pg.base.typed_columns c ON c.attrelid = k.indrelid AND c.column_index = k.key
      LEFT JOIN rvbbit_pg.pg.pg_opclass o ON o.opcmethod = 403 AND o.opcdefault AND o.opcintype = c.atttypid
      GROUP BY k.indexrelid) keys USING (indexrelid);

CREATE VIEW rvbbit_pg.fixed.pg_type AS
SELECT * FROM rvbbit_pg.base.system_types
UNION ALL BY NAME
SELECT reltype AS oid, relname AS typname, nspoid AS typnamespace, 10 AS typowner, -1 AS typlen, false AS typbyval,
       'c' AS typtype, 'C' AS typcategory, true AS typisdefined, ',' AS typdelim, oid AS typrelid, 2290 AS typinput,
       2291 AS typoutput, 2402 AS typreceive, 2403 AS typsend, 'd' AS typalign, 'x' AS typstorage, -1 AS typtypmod
FROM rvbbit_pg.base.system_relations;

CREATE VIEW rvbbit_pg.changing.pg_type AS
SELECT oid, type_name AS typname, nspoid AS typnamespace, 10 AS typowner, 4 AS typlen, true AS typbyval, 'e' AS typtype,
       'E' AS typcategory, true AS typisdefined, ',' AS typdelim, array_oid AS typarray, 3506 AS typinput,
       3507 AS typoutput, 3532 AS typreceive, 3533 AS typsend, 'i' AS typalign, 'p' AS typstorage, -1 AS typtypmod
FROM rvbbit_pg.base.enums
UNION ALL BY NAME
SELECT array_oid AS oid, '_' || type_name AS typname, nspoid AS typnamespace, 10 AS typowner, -1 AS typlen,
       false AS typbyval, 'b' AS typtype, 'A' AS typcategory, true AS typisdefined, ',' AS typdelim, oid AS typelem,
       6179 AS typsubscript, 750 AS typinput, 751 AS typoutput, 2400 AS typreceive, 2401 AS typsend,
       3816 AS typanalyze, 'i' AS typalign, 'x' AS typstorage, -1 AS typtypmod
FROM rvbbit_pg.base.enums
UNION ALL BY NAME
SELECT rvbbit_pg.base.oid_of('rowtype', nspname || '.' || relname) AS oid, relname AS typname, nspoid AS typnamespace,
       10 AS typowner, -1 AS typlen, false AS typbyval, 'c' AS typtype, 'C' AS typcategory, true AS typisdefined,
       ',' AS typdelim, oid AS typrelid, 2290 AS typinput, 2291 AS typoutput, 2402 AS typreceive, 2403 AS typsend,
       'd' AS typalign, 'x' AS typstorage, -1 AS typtypmod
FROM rvbbit_pg.base.relations WHERE relkind IN ('r', 'v');

CREATE VIEW rvbbit_pg.changing.pg_enum AS
SELECT rvbbit_pg.base.oid_of('label', nspname || '.' || type_name || '.' || enumlabel) AS oid, enumtypid, enumsortorder, enumlabel
FROM (SELECT oid AS enumtypid, nspname, type_name, unnest(labels) AS enumlabel,
             generate_subscripts(labels, 1) AS enumsortorder FROM rvbbit_pg.base.enums);

CREATE VIEW rvbbit_pg.fixed.pg_proc AS
SELECT oid, proname, 11 AS pronamespace, 10 AS proowner, prolang, 1 AS procost,
       CASE WHEN proretset THEN 1000 ELSE 0 END AS prorows, prokind, proisstrict, proretset, provolatile,
       's' AS proparallel, pronargs, prorettype, proargtypes, nullif(proargnames, []) AS proargnames, proname AS prosrc
FROM rvbbit_pg.base.system_functions;

CREATE VIEW rvbbit_pg.changing.pg_proc AS
SELECT oid, proname, nspoid AS pronamespace, 10 AS proowner, prolang, 1 AS procost,
       CASE WHEN proretset THEN 1000 ELSE 0 END AS prorows, prokind, false AS prosecdef, proretset,
       CASE prolang WHEN 14 THEN 'i' ELSE 'v' END AS provolatile, 's' AS proparallel, len(proargtypes) AS pronargs,
       prorettype, proargtypes, nullif(proargnames, []) AS proargnames, prosrc
FROM rvbbit_pg.base.functions;

CREATE VIEW rvbbit_pg.rows.pg_language AS
SELECT * FROM rvbbit_pg.base.system_languages
UNION ALL BY NAME
SELECT rvbbit_pg.base.oid_of('language', 'cascade') AS oid, 'cascade' AS lanname, 10 AS lanowner, true AS lanispl,
       true AS lanpltrusted;

CREATE VIEW rvbbit_pg.rows.pg_description AS
SELECT oid AS objoid, 1259 AS classoid, 0 AS objsubid, "comment" AS description
FROM rvbbit_pg.base.relations WHERE "comment" IS NOT NULL
UNION ALL SELECT attrelid, 1259, column_index, "comment" FROM rvbbit_pg.base.columns WHERE "comment" IS NOT NULL
UNION ALL SELECT oid, 1247, 0, "comment" FROM rvbbit_pg.base.enums WHERE "comment" IS NOT NULL
UNION ALL SELECT oid, 1255, 0, description FROM rvbbit_pg.base.functions WHERE description IS NOT NULL
UNION ALL SELECT 2200, 2615, 0, 'standard public schema'
UNION ALL SELECT rvbbit_pg.base.oid_of('schema', 'rvbbit'), 2615, 0, 'the ledger: queries, calls, costs'
          WHERE EXISTS (SELECT 1 FROM rvbbit_pg.base.schemas WHERE nspname = 'rvbbit')
UNION ALL SELECT objoid, classoid, objsubid, description FROM rvbbit_pg.base.system_descriptions;

CREATE VIEW rvbbit_pg.rows.pg_database AS
SELECT rvbbit_pg.base.database_oid() AS oid, rvbbit_pg.base.session_database() AS datname, 10 AS datdba, 6 AS encoding,
       'c' AS datlocprovider, false AS datistemplate, true AS datallowconn, -1 AS datconnlimit, 1663 AS dattablespace,
       'C.UTF-8' AS datcollate, 'C.UTF-8' AS datctype;

CREATE VIEW rvbbit_pg.rows.pg_authid AS
SELECT rvbbit_pg.base.role_oid(usename) AS oid, usename AS rolname, true AS rolsuper, true AS rolinherit, true AS rolcreaterole,
       true AS rolcreatedb, true AS rolcanlogin, true AS rolreplication, true AS rolbypassrls, -1 AS rolconnlimit
FROM (SELECT usename FROM rvbbit_pg.base.users UNION SELECT rvbbit_pg.base.session_user()
      UNION SELECT rvbbit_pg.base.owner_name())
UNION ALL BY NAME
SELECT oid, rolname, true AS rolinherit, -1 AS rolconnlimit FROM rvbbit_pg.base.system_roles;

CREATE VIEW rvbbit_pg.rows.pg_roles AS
SELECT *, '********' AS rolpassword FROM (SELECT * EXCLUDE (rolpassword) FROM rvbbit_pg.pg.pg_authid);

CREATE VIEW rvbbit_pg.rows.pg_user AS
SELECT rolname AS usename, oid AS usesysid, rolcreatedb AS usecreatedb, rolsuper AS usesuper, rolreplication AS userepl,
       rolbypassrls AS usebypassrls, '********' AS passwd
FROM rvbbit_pg.pg.pg_authid WHERE rolcanlogin;

CREATE VIEW rvbbit_pg.rows.pg_shadow AS SELECT * FROM rvbbit_pg.rows.pg_user;

CREATE VIEW rvbbit_pg.rows.pg_group AS
SELECT rolname AS groname, oid AS grosysid, []::BIGINT[] AS grolist FROM rvbbit_pg.pg.pg_authid WHERE NOT rolcanlogin;

CREATE VIEW rvbbit_pg.rows.pg_sequence AS
SELECT q.oid AS seqrelid, 20 AS seqtypid,
       q.start_value AS seqstart, q.increment_by AS seqincrement, q.max_value AS seqmax, q.min_value AS seqmin,
       1 AS seqcache, q."cycle" AS seqcycle
FROM rvbbit_pg.base.sequences q;

CREATE VIEW rvbbit_pg.rows.pg_sequences AS
SELECT q.nspname AS schemaname, q.sequence_name AS sequencename, rvbbit_pg.base.owner_name() AS sequenceowner,
       20 AS data_type, q.start_value, q.min_value, q.max_value, q.increment_by, q."cycle", 1 AS cache_size, q.last_value
FROM rvbbit_pg.base.sequences q;

CREATE VIEW rvbbit_pg.rows.pg_tables AS
SELECT n.nspname AS schemaname, c.relname AS tablename, rvbbit_pg.base.owner_name() AS tableowner,
       c.relhasindex AS hasindexes, c.relhasrules AS hasrules, c.relhastriggers AS hastriggers, c.relrowsecurity AS rowsecurity
FROM rvbbit_pg.pg.pg_class c JOIN rvbbit_pg.pg.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p');

CREATE VIEW rvbbit_pg.rows.pg_views AS
SELECT nspname AS schemaname, view_name AS viewname, rvbbit_pg.base.owner_name() AS viewowner, definition
FROM rvbbit_pg.base.view_definitions
UNION ALL SELECT nspname, relname, 'postgres', NULL FROM rvbbit_pg.base.system_relations WHERE relkind = 'v';

CREATE VIEW rvbbit_pg.rows.pg_rewrite AS
SELECT rvbbit_pg.base.oid_of('rule', nspname || '.' || view_name) AS oid, '_RETURN' AS rulename, oid AS ev_class,
       '1' AS ev_type, 'O' AS ev_enabled, true AS is_instead, definition AS ev_action
FROM rvbbit_pg.base.view_definitions;

-- What depends on what: a view's rule on the relations its text names, keys' indexes on their constraints.
CREATE VIEW rvbbit_pg.rows.pg_depend AS
SELECT 2618 AS classid, rvbbit_pg.base.oid_of('rule', v.nspname || '.' || v.view_name) AS objid, 0 AS objsubid,
       1259 AS refclassid, r.oid AS refobjid, 0 AS refobjsubid, 'n' AS deptype
FROM (SELECT oid, nspname, view_name, unnest(list_distinct(regexp_extract_all(lower(definition), '[\w$]+'))) AS word
      FROM rvbbit_pg.base.view_definitions) v
JOIN rvbbit_pg.base.relations r ON r.relkind IN ('r', 'v') AND r.oid <> v.oid AND lower(r.relname) = v.word
UNION ALL SELECT 2618, rvbbit_pg.base.oid_of('rule', nspname || '.' || view_name), 0, 1259, oid, 0, 'i'
FROM rvbbit_pg.base.view_definitions
UNION ALL SELECT 1259, c.conindid, 0, 2606, c.oid, 0, 'i' FROM rvbbit_pg.base.pg_constraint c WHERE c.contype IN ('p', 'u')
UNION ALL SELECT 2606, c.oid, 0, 1259, c.conindid, 0, 'n' FROM rvbbit_pg.base.pg_constraint c WHERE c.contype = 'f' AND c.conindid <> 0
UNION ALL
SELECT 1259, r.oid, 0, 1259, c.attrelid, c.column_index, 'a'
FROM rvbbit_pg.base.columns c JOIN rvbbit_pg.base.relations r ON r.relkind = 'S' AND r.nspname = c.nspname
     AND r.relname = regexp_extract(c.column_default, '^nextval\(''"?(?:\w+"?\."?)?([^''".]*)"?''\)$', 1);

CREATE VIEW rvbbit_pg.rows.pg_indexes AS
SELECT i.nspname AS schemaname, i.table_name AS tablename, i.relname AS indexname, i.definition AS indexdef
FROM rvbbit_pg.base.index_texts i;

CREATE VIEW rvbbit_pg.rows.pg_timezone_names AS
SELECT name, abbrev, utc_offset, is_dst FROM pg_timezone_names();

CREATE VIEW rvbbit_pg.rows.pg_stat_activity AS
SELECT rvbbit_pg.base.oid_of('database', datname) AS datid, datname, pid, rvbbit_pg.base.role_oid(usename) AS usesysid, usename,
       application_name, client_addr, client_port, backend_start, xact_start, query_start, state_change,
       CASE WHEN state <> 'active' THEN 'Client' END AS wait_event_type,
       CASE WHEN state <> 'active' THEN 'ClientRead' END AS wait_event, state, query, 'client backend' AS backend_type
FROM rvbbit_pg.base.activity;

-- Advisory locks: DuckDB itself locks nothing that others would have to wait for.
CREATE VIEW rvbbit_pg.rows.pg_locks AS
SELECT 'advisory' AS locktype, rvbbit_pg.base.database_oid() AS "database", classid, objid, objsubid,
       pid || '/0' AS virtualtransaction, pid, mode, granted, false AS fastpath, waitstart
FROM rvbbit_pg.base.locks;

CREATE VIEW rvbbit_pg.rows.pg_stat_database AS
SELECT rvbbit_pg.base.database_oid() AS datid, rvbbit_pg.base.session_database() AS datname,
       (SELECT count(*) FROM rvbbit_pg.base.activity a WHERE a.datname = rvbbit_pg.base.session_database()) AS numbackends;

-- Whether a connection is encrypted is not known here.
CREATE VIEW rvbbit_pg.rows.pg_stat_ssl AS SELECT pid, NULL::BOOLEAN AS ssl FROM rvbbit_pg.base.activity;
CREATE VIEW rvbbit_pg.rows.pg_stat_gssapi AS
SELECT pid, false AS gss_authenticated, false AS encrypted, false AS credentials_delegated FROM rvbbit_pg.base.activity;

-- what the session tells of itself
CREATE VIEW rvbbit_pg.rows.pg_prepared_statements AS
SELECT row->>'name' AS name, row->>'statement' AS statement, (row->>'prepare_time')::TIMESTAMPTZ AS prepare_time,
       (row->'parameter_types')::BIGINT[] AS parameter_types, (row->'result_types')::BIGINT[] AS result_types,
       (row->'from_sql')::BOOLEAN AS from_sql, 0 AS generic_plans, 0 AS custom_plans
FROM (SELECT unnest(from_json(coalesce(getvariable('rvbbit_pg_prepared_statements')::VARCHAR, '[]'), '["JSON"]')) AS row);
CREATE VIEW rvbbit_pg.rows.pg_cursors AS
SELECT row->>'name' AS name, row->>'statement' AS statement, (row->'is_holdable')::BOOLEAN AS is_holdable,
       (row->'is_binary')::BOOLEAN AS is_binary, (row->'is_scrollable')::BOOLEAN AS is_scrollable,
       (row->>'creation_time')::TIMESTAMPTZ AS creation_time
FROM (SELECT unnest(from_json(coalesce(getvariable('rvbbit_pg_cursors')::VARCHAR, '[]'), '["JSON"]')) AS row);

CREATE VIEW rvbbit_pg.rows.pg_stat_all_tables AS
SELECT oid AS relid, nspname AS schemaname, relname, tuples AS n_live_tup FROM rvbbit_pg.base.relations WHERE relkind = 'r';
CREATE VIEW rvbbit_pg.rows.pg_stat_user_tables AS SELECT * FROM rvbbit_pg.rows.pg_stat_all_tables;
CREATE VIEW rvbbit_pg.rows.pg_statio_all_tables AS
SELECT oid AS relid, nspname AS schemaname, relname FROM rvbbit_pg.base.relations WHERE relkind = 'r';
CREATE VIEW rvbbit_pg.rows.pg_statio_user_tables AS SELECT * FROM rvbbit_pg.rows.pg_statio_all_tables;
CREATE VIEW rvbbit_pg.rows.pg_statio_all_sequences AS
SELECT oid AS relid, nspname AS schemaname, relname FROM rvbbit_pg.base.relations WHERE relkind = 'S';
CREATE VIEW rvbbit_pg.rows.pg_statio_user_sequences AS SELECT * FROM rvbbit_pg.rows.pg_statio_all_sequences;
CREATE VIEW rvbbit_pg.rows.pg_stat_all_indexes AS
SELECT indrelid AS relid, indexrelid, nspname AS schemaname, table_name AS relname, relname AS indexrelname
FROM rvbbit_pg.base.indexes;
CREATE VIEW rvbbit_pg.rows.pg_stat_user_indexes AS SELECT * FROM rvbbit_pg.rows.pg_stat_all_indexes;

-- PostgreSQL tells times as numbers of the unit, SHOW tells them with theirs.
CREATE VIEW rvbbit_pg.rows.pg_settings AS
SELECT s.* EXCLUDE (setting, source),
       CASE WHEN p.setting IS NULL THEN s.setting
            WHEN s.unit = 'ms' THEN CAST(regexp_extract(p.setting, '^-?\d+')::BIGINT
                 * CASE regexp_extract(p.setting, '[a-z]+$') WHEN 's' THEN 1000 WHEN 'min' THEN 60000 WHEN 'h' THEN 3600000
                        WHEN 'd' THEN 86400000 ELSE 1 END AS VARCHAR)
            ELSE p.setting END AS setting,
       CASE WHEN p.setting IS NULL OR p.setting = s.reset_val THEN s.source ELSE 'session' END AS source
FROM rvbbit_pg.base.settings s LEFT JOIN rvbbit_pg.base.parameters p ON lower(p.name) = lower(s.name)
UNION ALL BY NAME
SELECT name, setting, short_desc, 'user' AS context, 'string' AS vartype, 'default' AS source, setting AS reset_val,
       false AS pending_restart, CASE WHEN starts_with(name, 'rvbbit.') THEN 'Semantic operators' ELSE 'Customized Options' END AS category
FROM rvbbit_pg.base.parameters WHERE lower(name) NOT IN (SELECT lower(name) FROM rvbbit_pg.base.settings);

CREATE TABLE rvbbit_pg.base.system_function_texts AS
SELECT p.oid, 'pg_catalog' AS nspname, p.proname, rvbbit_pg.base.argument_text(p.proargnames, p.proargtypes) AS arguments,
       rvbbit_pg.base.result_text(p.proretset, p.prorettype) AS result,
       rvbbit_pg.base.function_text('pg_catalog', p.proname, arguments, result, l.lanname, p.proname) AS definition
FROM rvbbit_pg.base.system_functions p JOIN rvbbit_pg.base.system_languages l ON l.oid = p.prolang;
