-- DBeaver: the connection, the navigator's nodes, a table's tabs, statistics.

-- name: session
SELECT current_schema(), session_user;

-- name: search path
-- compare: columns
SELECT current_schemas(true) AS path;
SHOW search_path;

-- name: databases
-- compare: names
SELECT db.oid, db.*, shobj_description(db.oid, 'pg_database') AS description FROM pg_catalog.pg_database db
WHERE datallowconn AND NOT datistemplate OR db.datname = 'demo' ORDER BY db.datname;

-- name: settings of the server
-- compare: columns
SELECT * FROM pg_catalog.pg_settings WHERE name = 'standard_conforming_strings';

-- name: schemas
-- compare: columns
SELECT space.oid, space.*, note.description FROM pg_catalog.pg_namespace space
LEFT OUTER JOIN pg_catalog.pg_description note ON note.objoid = space.oid AND note.objsubid = 0 AND note.classoid = 'pg_namespace'::regclass
ORDER BY nspname;

-- name: types
-- compare: columns
SELECT kind.oid, kind.*, rel.relkind, format_type(nullif(kind.typbasetype, 0), kind.typtypmod) AS base_type_name, note.description
FROM pg_catalog.pg_type kind
LEFT OUTER JOIN pg_catalog.pg_type element ON element.oid = kind.typelem
LEFT OUTER JOIN pg_catalog.pg_class rel ON rel.oid = kind.typrelid
LEFT OUTER JOIN pg_catalog.pg_description note ON kind.oid = note.objoid
WHERE kind.typname IS NOT NULL AND (rel.relkind IS NULL OR rel.relkind = 'c') AND (element.typcategory IS NULL OR element.typcategory <> 'C');

-- name: labels of enums
SELECT label.enumlabel, label.enumsortorder FROM pg_catalog.pg_enum label
WHERE label.enumtypid = 'mood'::regtype ORDER BY label.enumsortorder;

-- name: tables of a schema
-- compare: columns
SELECT rel.oid, rel.*, note.description, pg_catalog.pg_get_expr(rel.relpartbound, rel.oid) AS partition_expr,
       pg_catalog.pg_get_partkeydef(rel.oid) AS partition_key
FROM pg_catalog.pg_class rel
LEFT OUTER JOIN pg_catalog.pg_description note ON note.objoid = rel.oid AND note.objsubid = 0 AND note.classoid = 'pg_class'::regclass
WHERE rel.relnamespace = 'public'::regnamespace AND rel.relkind NOT IN ('i', 'I', 'c');

-- name: columns of a table
SELECT rel.relname, att.attname, att.attnum, att.attnotnull, att.atthasdef, att.attidentity, att.attgenerated,
       pg_catalog.pg_get_expr(preset.adbin, preset.adrelid, true) AS def_value, note.description,
       format_type(att.atttypid, att.atttypmod) AS spelled
FROM pg_catalog.pg_attribute att
INNER JOIN pg_catalog.pg_class rel ON (att.attrelid = rel.oid)
LEFT OUTER JOIN pg_catalog.pg_attrdef preset ON (att.attrelid = preset.adrelid AND att.attnum = preset.adnum)
LEFT OUTER JOIN pg_catalog.pg_description note ON (rel.oid = note.objoid AND att.attnum = note.objsubid)
WHERE NOT att.attisdropped AND att.attnum > 0 AND rel.oid = 'public.orders'::regclass ORDER BY att.attnum;

-- name: every column of pg_attribute
-- compare: columns
SELECT rel.relname, att.*, pg_catalog.pg_get_expr(preset.adbin, preset.adrelid, true) AS def_value
FROM pg_catalog.pg_attribute att INNER JOIN pg_catalog.pg_class rel ON att.attrelid = rel.oid
LEFT OUTER JOIN pg_catalog.pg_attrdef preset ON att.attrelid = preset.adrelid AND att.attnum = preset.adnum
WHERE rel.relnamespace = 'public'::regnamespace;

-- name: constraints of a table
SELECT con.conname, con.contype, con.conkey, con.confkey, con.confupdtype, con.confdeltype, con.confmatchtype,
       rel.relname AS table_name, target.relname AS ref_table, pg_catalog.pg_get_constraintdef(con.oid) AS definition, note.description
FROM pg_catalog.pg_constraint con
INNER JOIN pg_catalog.pg_class rel ON rel.oid = con.conrelid
LEFT OUTER JOIN pg_catalog.pg_class target ON target.oid = con.confrelid
LEFT OUTER JOIN pg_catalog.pg_description note ON note.objoid = con.oid AND note.objsubid = 0 AND note.classoid = 'pg_constraint'::regclass
WHERE rel.relname IN ('orders', 'order_lines', 'counted', 'shops') AND con.contype <> 'n' ORDER BY con.oid;

-- name: every column of pg_constraint
-- compare: columns
SELECT con.oid, con.*, rel.relname AS tabrelname FROM pg_catalog.pg_constraint con, pg_catalog.pg_class rel
WHERE rel.oid = con.conrelid AND con.conrelid = 'public.orders'::regclass;

-- name: references to a table
SELECT con.conname, rel.relname, space.nspname, con.conrelid::regclass::text AS source
FROM pg_catalog.pg_constraint con, pg_catalog.pg_class rel, pg_catalog.pg_namespace space
WHERE con.contype = 'f' AND rel.oid = con.conrelid AND space.oid = rel.relnamespace AND con.confrelid = 'customers'::regclass;

-- name: indexes of a table
SELECT rel.relname AS table_name, entry.relname, ind.indisunique, ind.indisprimary, ind.indkey, ind.indnatts, ind.indoption,
       note.description, pg_catalog.pg_get_expr(ind.indpred, ind.indrelid) AS pred_expr, entry.relam,
       pg_catalog.pg_get_expr(ind.indexprs, ind.indrelid, true) AS expr, dep.objid IS NOT NULL AS of_constraint,
       pg_catalog.pg_get_indexdef(entry.oid) AS definition
FROM pg_catalog.pg_index ind
INNER JOIN pg_catalog.pg_class entry ON entry.oid = ind.indexrelid
INNER JOIN pg_catalog.pg_class rel ON rel.oid = ind.indrelid
LEFT OUTER JOIN pg_catalog.pg_description note ON ind.indexrelid = note.objoid
LEFT OUTER JOIN pg_catalog.pg_depend dep ON dep.objid = entry.oid AND dep.deptype = 'i' AND dep.classid = 'pg_class'::regclass
                                       AND dep.refclassid = 'pg_constraint'::regclass
WHERE ind.indrelid IN ('orders'::regclass, 'order_lines'::regclass) ORDER BY rel.relname, entry.relname;

-- name: columns of an index
-- compare: columns
SELECT ind.*, att.*, pg_catalog.pg_get_indexdef(att.attrelid, att.attnum, true) AS key
FROM pg_catalog.pg_index ind JOIN pg_catalog.pg_attribute att ON att.attrelid = ind.indexrelid
WHERE ind.indrelid = 'orders'::regclass ORDER BY att.attnum;

-- name: definition of a view
SELECT pg_catalog.pg_get_viewdef('public.big_orders'::regclass, true) IS NOT NULL AS defined;

-- name: rules and triggers of a table
SELECT trig.tgname, fun.proname FROM pg_catalog.pg_trigger trig, pg_catalog.pg_proc fun
WHERE fun.oid = trig.tgfoid AND trig.tgrelid = 'counted'::regclass AND NOT trig.tgisinternal;

-- name: policies and inheritance
SELECT pol.polname::text FROM pg_catalog.pg_policy pol WHERE pol.polrelid = 'orders'::regclass
UNION ALL SELECT inh.inhparent::regclass::text FROM pg_catalog.pg_inherits inh WHERE inh.inhrelid = 'orders'::regclass
UNION ALL SELECT ext.extname FROM pg_catalog.pg_extension ext WHERE ext.extname = 'hstore'
UNION ALL SELECT event.evtname FROM pg_catalog.pg_event_trigger event
UNION ALL SELECT wrapper.fdwname FROM pg_catalog.pg_foreign_data_wrapper wrapper
UNION ALL SELECT server.srvname FROM pg_catalog.pg_foreign_server server
UNION ALL SELECT pub.pubname FROM pg_catalog.pg_publication pub;

-- name: sequences
SELECT rel.relname, seq.seqstart, seq.seqincrement, seq.seqmin, seq.seqcycle
FROM pg_catalog.pg_class rel JOIN pg_catalog.pg_sequence seq ON seq.seqrelid = rel.oid WHERE rel.relkind = 'S';

-- name: a sequence
SELECT start_value, min_value, increment_by, cycle, cache_size FROM pg_catalog.pg_sequences
WHERE schemaname = 'public' AND sequencename = 'counter';

-- name: functions of a schema
-- compare: columns
SELECT fun.oid, fun.*, CASE WHEN fun.prokind = 'a' THEN 'aggregate' ELSE pg_catalog.pg_get_expr(fun.proargdefaults, 0) END AS extra,
       lang.lanname, note.description
FROM pg_catalog.pg_proc fun LEFT OUTER JOIN pg_catalog.pg_language lang ON fun.prolang = lang.oid
LEFT OUTER JOIN pg_catalog.pg_description note ON note.objoid = fun.oid AND note.objsubid = 0
WHERE fun.pronamespace = 'public'::regnamespace ORDER BY fun.proname;

-- name: sizes of tables
-- compare: columns
SELECT rel.oid, pg_catalog.pg_total_relation_size(rel.oid) AS total_rel_size, pg_catalog.pg_relation_size(rel.oid) AS rel_size
FROM pg_class rel WHERE rel.relnamespace = 'public'::regnamespace;

-- name: roles
-- compare: columns
SELECT role.*, pg_catalog.shobj_description(role.oid, 'pg_authid') AS comment FROM pg_catalog.pg_roles role ORDER BY role.rolname;

-- name: members of roles
-- compare: columns
SELECT member.*, role.rolname FROM pg_catalog.pg_auth_members member JOIN pg_catalog.pg_roles role ON role.oid = member.member;

-- name: tablespaces
-- compare: names
SELECT space.oid, space.*, pg_tablespace_location(space.oid) AS location FROM pg_catalog.pg_tablespace space ORDER BY space.oid;

-- name: access methods, languages, encodings, collations
-- compare: columns
SELECT am.oid, am.* FROM pg_catalog.pg_am am ORDER BY am.oid;
SELECT lang.oid, lang.* FROM pg_catalog.pg_language lang ORDER BY lang.oid;
SELECT DISTINCT contoencoding AS encid, pg_catalog.pg_encoding_to_char(contoencoding) AS name FROM pg_catalog.pg_conversion ORDER BY 1;
SELECT coll.oid, coll.* FROM pg_catalog.pg_collation coll ORDER BY coll.oid;

-- name: dependencies of a table
-- compare: columns
SELECT DISTINCT dep.deptype, dep.classid, rel.relkind, rel.relname, space.nspname, pg_get_expr(preset.adbin, preset.adrelid) AS preset
FROM pg_depend dep
LEFT JOIN pg_class rel ON dep.objid = rel.oid
LEFT JOIN pg_rewrite rule ON dep.objid = rule.oid
LEFT JOIN pg_namespace space ON space.oid = rel.relnamespace
LEFT JOIN pg_attrdef preset ON preset.adrelid = rel.oid
WHERE dep.refobjid = 'orders'::regclass AND dep.classid IN ('pg_class'::regclass, 'pg_constraint'::regclass, 'pg_rewrite'::regclass);

-- name: sessions
-- compare: columns
SELECT act.pid, act.usename, act.client_addr, act.state, act.query, act.backend_start, act.* FROM pg_catalog.pg_stat_activity act
WHERE act.datname = current_database() ORDER BY act.backend_start;

-- name: locks
-- compare: columns
SELECT lock.*, act.query FROM pg_catalog.pg_locks lock JOIN pg_catalog.pg_stat_activity act ON act.pid = lock.pid;

-- name: system columns and row counts
SELECT count(*) AS rows FROM public.customers;
