-- pgAdmin 4: connecting, the dashboard, the browser's nodes.

-- name: connection
SET DateStyle = ISO;
SET client_min_messages = notice;
SELECT set_config('bytea_output', 'hex', false) FROM pg_show_all_settings() WHERE name = 'bytea_output';
SET client_encoding = 'UTF8';

-- name: server and user
-- compare: columns
SELECT db.oid AS did, db.datname, db.datallowconn, pg_encoding_to_char(db.encoding) AS serverencoding,
       has_database_privilege(db.oid, 'CREATE') AS cancreate, datistemplate
FROM pg_catalog.pg_database db WHERE db.datname = current_database();

-- name: role
SELECT role.rolname AS name, role.rolsuper AS is_superuser,
       CASE WHEN role.rolsuper THEN true ELSE role.rolcreaterole END AS can_create_role,
       CASE WHEN role.rolsuper THEN true ELSE role.rolcreatedb END AS can_create_db,
       CASE WHEN 'pg_signal_backend' = ANY (ARRAY(WITH RECURSIVE chain AS (
            SELECT rolname, member.roleid FROM pg_catalog.pg_roles r LEFT JOIN pg_catalog.pg_auth_members member ON member.member = r.oid
            WHERE r.rolname = current_user
            UNION ALL SELECT r.rolname, member.roleid FROM chain JOIN pg_catalog.pg_roles r ON r.oid = chain.roleid
            LEFT JOIN pg_catalog.pg_auth_members member ON member.member = r.oid)
            SELECT rolname FROM chain)) THEN true ELSE false END AS can_signal_backend
FROM pg_catalog.pg_roles AS role WHERE rolname = current_user;

-- name: encryption of the connection
-- compare: columns
SELECT ssl_state.ssl AS "is_ssl", gss_state.gss_authenticated, gss_state.encrypted
FROM (SELECT pid, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) ssl_state
LEFT JOIN (SELECT pid, gss_authenticated, encrypted FROM pg_stat_gssapi) gss_state ON gss_state.pid = ssl_state.pid;

-- name: recovery and replication
SELECT CASE WHEN usesuper THEN pg_is_in_recovery() ELSE false END AS inrecovery,
       CASE WHEN usesuper AND pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END AS isreplaypaused
FROM pg_catalog.pg_user WHERE usename = current_user;

-- name: replication type
SELECT CASE WHEN (SELECT count(extname) FROM pg_catalog.pg_extension WHERE extname = 'bdr') > 0 THEN 'pgd'
            WHEN (SELECT count(*) FROM pg_replication_slots) > 0 THEN 'log' ELSE NULL END AS type;

-- name: dashboard numbers
-- compare: columns
SELECT 'session_stats' AS chart_name, pg_catalog.row_to_json(t) AS chart_data
FROM (SELECT (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = current_database()) AS "Total",
             (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE state = 'active') AS "Active",
             (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE state = 'idle') AS "Idle") t
UNION ALL
SELECT 'tps_stats' AS chart_name, pg_catalog.row_to_json(t) AS chart_data
FROM (SELECT (SELECT sum(xact_commit) + sum(xact_rollback) FROM pg_catalog.pg_stat_database) AS "Transactions",
             (SELECT sum(xact_commit) FROM pg_catalog.pg_stat_database) AS "Commits",
             (SELECT sum(blks_read) FROM pg_catalog.pg_stat_database) AS "Reads") t;

-- name: sessions
-- compare: names
SELECT pid, datname, usename, application_name, client_addr, pg_catalog.to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') AS backend_start,
       state, wait_event_type || ': ' || wait_event AS wait_event, array_to_string(pg_catalog.pg_blocking_pids(pid), ', ') AS blocking_pids,
       query, pg_catalog.to_char(state_change, 'YYYY-MM-DD HH24:MI:SS TZ') AS state_change, backend_type,
       CASE WHEN state = 'active' THEN round((extract(epoch FROM now() - query_start) / 60)::numeric, 2) ELSE 0 END AS active_since
FROM pg_catalog.pg_stat_activity WHERE datname = current_database();

-- name: locks
-- compare: names
SELECT pid, locktype, datname, lock.relation::regclass, page, tuple, virtualxid, transactionid, classid::regclass, objid, virtualtransaction, mode, granted, fastpath
FROM pg_catalog.pg_locks lock LEFT OUTER JOIN pg_catalog.pg_database db ON (lock.database = db.oid)
WHERE datname = current_database() ORDER BY pid, locktype;

-- name: prepared transactions
SELECT gid, database, owner, transaction, prepared FROM pg_catalog.pg_prepared_xacts;

-- name: settings
-- compare: columns
SELECT name, setting, category, unit, short_desc FROM pg_catalog.pg_settings ORDER BY category;

-- name: databases
-- compare: names
SELECT db.oid AS did, db.datname AS name, db.dattablespace AS spcoid, tbs.spcname, datallowconn, pg_catalog.has_database_privilege(db.oid, 'CREATE') AS cancreate,
       datdba AS owner, note.description, db.datacl, pg_catalog.shobj_description(db.oid, 'pg_database') AS comments
FROM pg_catalog.pg_database db
LEFT OUTER JOIN pg_catalog.pg_tablespace tbs ON db.dattablespace = tbs.oid
LEFT OUTER JOIN pg_catalog.pg_shdescription note ON (db.oid = note.objoid AND note.classoid = 'pg_database'::regclass)
WHERE db.datname = current_database() ORDER BY datname;

-- name: properties of the database
-- compare: columns
SELECT db.oid AS did, pg_catalog.pg_get_userbyid(datdba) AS datowner, db.datcollate, db.datctype, datconnlimit,
       (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'lc_collate') AS lc, pg_catalog.pg_database_size(db.oid) AS size,
       array_to_string(ARRAY(SELECT provider || '=' || label FROM pg_catalog.pg_shseclabel label WHERE label.objoid = db.oid), ',') AS labels,
       pg_catalog.age(datfrozenxid) AS age
FROM pg_catalog.pg_database db WHERE db.datname = current_database();

-- name: schemas
SELECT space.nspname AS name, pg_catalog.has_schema_privilege(space.oid, 'CREATE') AS can_create,
       pg_catalog.has_schema_privilege(space.oid, 'USAGE') AS has_usage
FROM pg_catalog.pg_namespace space
WHERE space.nspname NOT LIKE E'pg\\_%' AND NOT ((space.nspname = 'pg_catalog' AND EXISTS (SELECT 1 FROM pg_catalog.pg_class
      WHERE relname = 'pg_class' AND relnamespace = space.oid LIMIT 1)) OR (space.nspname = 'information_schema'))
  AND space.nspname IN ('public', 'sales')
ORDER BY space.nspname;

-- name: tables with triggers and owners
SELECT rel.relname AS name, (SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgrelid = rel.oid AND tgisinternal = false) AS triggercount,
       (SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgrelid = rel.oid AND tgisinternal = false AND tgenabled = 'O') AS has_enable_triggers,
       (CASE WHEN rel.relkind = 'p' THEN true ELSE false END) AS is_partitioned,
       (SELECT count(1) FROM pg_catalog.pg_inherits WHERE inhrelid = rel.oid LIMIT 1) AS is_inherits,
       (SELECT count(1) FROM pg_catalog.pg_inherits WHERE inhparent = rel.oid LIMIT 1) AS is_inherited, note.description
FROM pg_catalog.pg_class rel
LEFT OUTER JOIN pg_catalog.pg_tablespace spc ON spc.oid = rel.reltablespace
LEFT OUTER JOIN pg_catalog.pg_description note ON (note.objoid = rel.oid AND note.objsubid = 0 AND note.classoid = 'pg_class'::regclass)
WHERE rel.relkind IN ('r', 's', 't', 'p') AND rel.relnamespace = 'public'::regnamespace AND NOT rel.relispartition ORDER BY rel.relname;

-- name: properties of a table
-- compare: names
SELECT rel.oid, rel.relname AS name, rel.reltablespace AS spcoid, rel.relacl AS relacl_str,
       (CASE WHEN length(spc.spcname::text) > 0 THEN spc.spcname ELSE (SELECT sp.spcname FROM pg_catalog.pg_database dtb
        JOIN pg_catalog.pg_tablespace sp ON dtb.dattablespace = sp.oid WHERE dtb.datname = current_database()) END) AS spcname,
       con.conname, con.conkey, rel.reltuples::bigint AS rows_cnt, rel.relpersistence, pg_catalog.pg_get_userbyid(rel.relowner) AS relowner,
       (SELECT string_agg(acl::text, ', ') FROM unnest(rel.relacl) acl) AS acl,
       substring(array_to_string(rel.reloptions, ',') FROM 'fillfactor=([0-9]*)') AS fillfactor,
       (substring(array_to_string(rel.reloptions, ',') FROM 'autovacuum_enabled=([a-z|0-9]*)'))::boolean AS autovacuum_enabled,
       (CASE WHEN (rel.oid <= 16383::oid) THEN true ELSE false END) AS is_sys_table, typ.typname
FROM pg_catalog.pg_class rel
LEFT OUTER JOIN pg_catalog.pg_tablespace spc ON spc.oid = rel.reltablespace
LEFT OUTER JOIN pg_catalog.pg_constraint con ON con.conrelid = rel.oid AND con.contype = 'p'
LEFT OUTER JOIN pg_catalog.pg_class toast ON toast.oid = rel.reltoastrelid
LEFT JOIN pg_catalog.pg_type typ ON rel.reloftype = typ.oid
WHERE rel.relkind IN ('r', 's', 't', 'p') AND rel.relname = 'orders';

-- name: columns
SELECT att.attname AS name, att.attnum, att.atttypid <> 0 AS typed, pg_catalog.format_type(ty.oid, NULL) AS typname,
       pg_catalog.format_type(ty.oid, att.atttypmod) AS displaytypname, pg_catalog.pg_get_expr(def.adbin, def.adrelid) AS defval,
       CASE WHEN att.attndims > 0 THEN 1 ELSE 0 END AS isarray, att.attnotnull AS not_null, note.description,
       (SELECT count(1) FROM pg_catalog.pg_depend dep WHERE dep.refobjid = att.attrelid AND dep.deptype = 'P') AS parts,
       EXISTS (SELECT 1 FROM pg_catalog.pg_constraint WHERE conrelid = att.attrelid AND contype = 'f' AND att.attnum = ANY (conkey)) AS is_fk,
       coll.collname, bt.typname AS elemname
FROM pg_catalog.pg_attribute att
JOIN pg_catalog.pg_type ty ON ty.oid = atttypid
LEFT OUTER JOIN pg_catalog.pg_attrdef def ON adrelid = att.attrelid AND adnum = att.attnum
LEFT OUTER JOIN pg_catalog.pg_description note ON (note.objoid = att.attrelid AND note.objsubid = att.attnum AND note.classoid = 'pg_class'::regclass)
LEFT OUTER JOIN pg_catalog.pg_type bt ON ty.typelem = bt.oid
LEFT OUTER JOIN pg_catalog.pg_collation coll ON (att.attcollation = coll.oid AND coll.collname <> 'default')
WHERE att.attrelid = 'orders'::regclass AND att.attnum > 0 AND att.attisdropped IS FALSE ORDER BY att.attnum;

-- name: primary and unique keys
SELECT entry.relname AS name, note.description AS comment, desp.contype, pg_catalog.pg_get_constraintdef(desp.oid) AS definition,
       CASE con.contype WHEN 'p' THEN true WHEN 'u' THEN false END AS indisprimary, con.condeferrable, ind.indnkeyatts,
       substring(array_to_string(entry.reloptions, ',') FROM 'fillfactor=([0-9]*)') AS fillfactor
FROM pg_catalog.pg_index ind
JOIN pg_catalog.pg_class entry ON entry.oid = ind.indexrelid
LEFT JOIN pg_catalog.pg_depend dep ON (dep.classid = 'pg_class'::regclass AND dep.objid = entry.oid AND dep.refobjsubid = 0
     AND dep.refclassid = (SELECT oid FROM pg_catalog.pg_class WHERE relname = 'pg_constraint' LIMIT 1) AND dep.deptype = 'i')
LEFT OUTER JOIN pg_catalog.pg_constraint con ON (con.tableoid = dep.refclassid AND con.oid = dep.refobjid)
LEFT OUTER JOIN pg_catalog.pg_constraint desp ON desp.oid = con.oid
LEFT OUTER JOIN pg_catalog.pg_description note ON (note.objoid = con.oid AND note.classoid = 'pg_constraint'::regclass)
WHERE ind.indrelid IN ('orders'::regclass, 'order_lines'::regclass, 'counted'::regclass) AND con.contype IN ('p', 'u') ORDER BY entry.relname;

-- name: foreign keys
SELECT con.conname AS name, con.confupdtype, con.confdeltype, con.confmatchtype, con.conkey, con.confkey, con.convalidated,
       rel.relname AS source, target.relname AS target, pg_catalog.pg_get_constraintdef(con.oid, true) AS definition
FROM pg_catalog.pg_constraint con JOIN pg_catalog.pg_class rel ON rel.oid = conrelid JOIN pg_catalog.pg_class target ON target.oid = confrelid
WHERE con.contype = 'f'::char ORDER BY con.conname;

-- name: checks
SELECT con.conname AS name, rel.relname, con.connoinherit, con.convalidated
FROM pg_catalog.pg_constraint con LEFT OUTER JOIN pg_catalog.pg_class rel ON rel.oid = con.conrelid
WHERE con.contype = 'c' AND rel.relname = 'customers' AND con.conrelid > 16383::oid;

-- name: indexes without those of keys
SELECT DISTINCT ON (entry.relname) entry.relname AS name, ind.indisclustered, ind.indisvalid, ind.indisunique, am.amname, ind.indkey,
       pg_catalog.pg_get_expr(ind.indpred, ind.indrelid, true) AS indconstraint
FROM pg_catalog.pg_index ind
JOIN pg_catalog.pg_class entry ON entry.oid = ind.indexrelid
LEFT JOIN pg_catalog.pg_depend dep ON (dep.classid = entry.tableoid AND dep.objid = entry.oid AND dep.deptype = 'i'
     AND dep.refclassid = (SELECT oid FROM pg_catalog.pg_class WHERE relname = 'pg_constraint'))
LEFT OUTER JOIN pg_catalog.pg_constraint con ON (con.oid = dep.refobjid)
LEFT OUTER JOIN pg_catalog.pg_am am ON am.oid = entry.relam
WHERE ind.indrelid = 'orders'::regclass AND con.conname IS NULL ORDER BY entry.relname;

-- name: columns of an index
SELECT ind.indnkeyatts, att.attnum, pg_catalog.pg_get_indexdef(ind.indexrelid, att.attnum, true) AS attdef, pg_catalog.format_type(att.atttypid, att.atttypmod) AS type,
       op.opcname, CASE WHEN (ind.indoption[att.attnum - 1] & 1 = 1) THEN true ELSE false END AS descending
FROM pg_catalog.pg_index ind
JOIN pg_catalog.pg_attribute att ON (att.attrelid = ind.indexrelid AND att.attnum > 0)
LEFT OUTER JOIN pg_catalog.pg_opclass op ON (op.oid = ind.indclass[att.attnum - 1])
WHERE ind.indexrelid = 'sales.shops_region_seen'::regclass ORDER BY att.attnum;

-- name: views
SELECT rel.relname AS name, note.description AS comment, pg_catalog.pg_get_userbyid(rel.relowner) <> '' AS owned
FROM pg_catalog.pg_class rel
LEFT OUTER JOIN pg_catalog.pg_description note ON (note.objoid = rel.oid AND note.objsubid = 0 AND note.classoid = 'pg_class'::regclass)
WHERE rel.relkind = 'v' AND rel.relnamespace = 'public'::regnamespace ORDER BY rel.relname;

-- name: sequences
SELECT rel.relname AS name, pg_catalog.col_description(rel.oid, 0) AS comment,
       (SELECT seqstart FROM pg_catalog.pg_sequence WHERE seqrelid = rel.oid) AS start
FROM pg_catalog.pg_class rel WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace ORDER BY rel.relname;

-- name: values of a sequence
SELECT is_called, last_value FROM public.counter;

-- name: types
SELECT kind.typname AS name, kind.typtype, note.description
FROM pg_catalog.pg_type kind
LEFT OUTER JOIN pg_catalog.pg_type element ON element.oid = kind.typelem
LEFT OUTER JOIN pg_catalog.pg_class ct ON ct.oid = kind.typrelid AND ct.relkind <> 'c'
LEFT OUTER JOIN pg_catalog.pg_description note ON (note.objoid = kind.oid AND note.classoid = 'pg_type'::regclass)
WHERE kind.typtype <> 'd' AND kind.typname NOT LIKE E'\\_%' AND kind.typnamespace = 'public'::regnamespace AND ct.oid IS NULL ORDER BY kind.typname;

-- name: functions
SELECT fun.proname, lanname, pg_catalog.pg_get_function_identity_arguments(fun.oid) AS func_args
FROM pg_catalog.pg_proc fun JOIN pg_catalog.pg_language lng ON lng.oid = fun.prolang
LEFT OUTER JOIN pg_catalog.pg_description note ON (note.objoid = fun.oid AND note.classoid = 'pg_proc'::regclass)
WHERE fun.prokind IN ('f', 'w') AND fun.pronamespace = 'public'::regnamespace;

-- name: objects there are none of
SELECT 'cast' AS kind, count(*) AS number FROM pg_catalog.pg_event_trigger
UNION ALL SELECT 'language', count(*) FROM pg_catalog.pg_language WHERE lanispl AND lanname = 'plperl'
UNION ALL SELECT 'publication', count(*) FROM pg_catalog.pg_publication
UNION ALL SELECT 'subscription', count(*) FROM pg_catalog.pg_subscription
UNION ALL SELECT 'wrapper', count(*) FROM pg_catalog.pg_foreign_data_wrapper
UNION ALL SELECT 'mapping', count(*) FROM pg_catalog.pg_user_mappings
UNION ALL SELECT 'table', count(*) FROM pg_catalog.pg_foreign_table
UNION ALL SELECT 'statistics', count(*) FROM pg_catalog.pg_statistic_ext
UNION ALL SELECT 'default', count(*) FROM pg_catalog.pg_default_acl
UNION ALL SELECT 'view', count(*) FROM pg_catalog.pg_matviews;

-- name: statistics of tables
-- compare: columns
SELECT st.relname AS "Table name", n_tup_ins, n_tup_upd, n_tup_del, n_live_tup, n_dead_tup, last_vacuum, last_autovacuum, vacuum_count,
       pg_catalog.pg_size_pretty(pg_catalog.pg_relation_size(st.relid) + CASE WHEN cl.reltoastrelid = 0 THEN 0
       ELSE pg_catalog.pg_relation_size(cl.reltoastrelid) END) AS "Total Size"
FROM pg_catalog.pg_stat_all_tables st JOIN pg_catalog.pg_class cl ON cl.oid = st.relid WHERE schemaname = 'public' ORDER BY st.relname;

-- name: statistics of a table
-- compare: columns
SELECT seq_scan, seq_tup_read, idx_scan, n_tup_ins, heap_blks_read, idx_blks_hit, pg_catalog.pg_relation_size(stat.relid) AS size
FROM pg_catalog.pg_stat_all_tables stat JOIN pg_catalog.pg_statio_all_tables statio ON stat.relid = statio.relid WHERE stat.relid = 'orders'::regclass;

-- name: statistics of the database
-- compare: columns
SELECT numbackends, xact_commit, xact_rollback, blks_read, blks_hit, tup_returned, stats_reset, temp_files, deadlocks,
       pg_catalog.pg_size_pretty(pg_catalog.pg_database_size(datid)) AS size FROM pg_catalog.pg_stat_database WHERE datname = current_database();

-- name: dependents of a table
-- compare: columns
SELECT DISTINCT dep.deptype, dep.classid, cl.relkind, ad.adbin IS NULL AS plain,
       CASE WHEN cl.relkind IS NOT NULL THEN cl.relkind::text || COALESCE(dep.refobjsubid::text, '')
            WHEN rw.oid IS NOT NULL THEN 'R'::text WHEN co.oid IS NOT NULL THEN 'C'::text || contype::text ELSE '' END AS type,
       COALESCE(coc.relname, clrw.relname) AS ownertable
FROM pg_catalog.pg_depend dep
LEFT JOIN pg_catalog.pg_class cl ON dep.objid = cl.oid
LEFT JOIN pg_catalog.pg_attribute att ON dep.objid = att.attrelid AND dep.objsubid = att.attnum
LEFT JOIN pg_catalog.pg_constraint co ON dep.objid = co.oid
LEFT JOIN pg_catalog.pg_class coc ON co.conrelid = coc.oid
LEFT JOIN pg_catalog.pg_rewrite rw ON dep.objid = rw.oid
LEFT JOIN pg_catalog.pg_class clrw ON clrw.oid = rw.ev_class
LEFT JOIN pg_catalog.pg_attrdef ad ON ad.oid = dep.objid
WHERE dep.refobjid = 'orders'::regclass ORDER BY classid, cl.relkind;

-- name: editability of a query's columns
SELECT att.attname, att.attnum, ty.typname, ty.typname = 'bool' AS is_bool, pg_catalog.array_position(con.conkey, att.attnum) AS key_place
FROM pg_catalog.pg_attribute att JOIN pg_catalog.pg_type ty ON ty.oid = att.atttypid
LEFT JOIN pg_catalog.pg_constraint con ON con.conrelid = att.attrelid AND con.contype = 'p' AND att.attnum = ANY (con.conkey)
WHERE att.attrelid = 'order_lines'::regclass AND att.attnum > 0 ORDER BY att.attnum;
