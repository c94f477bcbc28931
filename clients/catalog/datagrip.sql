-- DataGrip and IntelliJ: the introspector's three levels.

-- name: session
SELECT current_database(), current_schema(), current_user;

-- name: server
-- compare: names
SELECT pg_catalog.round(extract(epoch FROM pg_catalog.pg_postmaster_start_time() AT TIME ZONE 'UTC')) AS startup_time,
       pg_catalog.current_setting('server_version_num')::int AS number, pg_catalog.pg_is_in_recovery() AS standby;

-- name: databases
-- compare: columns
SELECT db.oid::bigint AS id, db.datname AS name, pg_catalog.pg_get_userbyid(db.datdba) AS owner, db.datistemplate AS is_template,
       db.datallowconn AS allow_connections, pg_catalog.shobj_description(db.oid, 'pg_database') AS description
FROM pg_catalog.pg_database db ORDER BY CASE WHEN db.datname = pg_catalog.current_database() THEN -1::bigint ELSE db.oid::bigint END;

-- name: time zones
-- compare: columns
SELECT name, is_dst FROM pg_catalog.pg_timezone_names
UNION DISTINCT SELECT abbrev AS name, is_dst FROM pg_catalog.pg_timezone_abbrevs;

-- name: schemas
-- compare: columns
SELECT space.oid::bigint AS id, space.xmin AS state_number, nspname AS name, note.description, pg_catalog.pg_get_userbyid(space.nspowner) AS owner
FROM pg_catalog.pg_namespace space
LEFT JOIN pg_catalog.pg_description note ON note.objoid = space.oid
ORDER BY CASE WHEN nspname = pg_catalog.current_schema() THEN -1::bigint ELSE space.oid::bigint END;

-- name: state of the catalogs
-- compare: columns
SELECT pg_catalog.max(last_tx)::varchar AS state FROM (
    SELECT xmin::varchar::bigint AS last_tx FROM pg_catalog.pg_type WHERE typnamespace = 'public'::regnamespace
    UNION ALL SELECT xmin::varchar::bigint FROM pg_catalog.pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT xmin::varchar::bigint FROM pg_catalog.pg_proc
) AS states;

-- name: ages of transactions
-- compare: columns
SELECT pg_catalog.age(space.xmin) AS age, CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL
       ELSE pg_catalog.txid_current()::varchar::bigint END AS current_txid
FROM pg_catalog.pg_namespace space WHERE nspname = 'public';

-- name: tables and views
-- compare: columns
SELECT rel.oid::bigint AS id, rel.relname AS name, rel.relkind AS kind, rel.xmin AS state_number, rel.relpersistence = 't' AS temporary,
       pg_catalog.pg_get_userbyid(rel.relowner) AS owner, rel.reloptions AS options, rel.relhassubclass AS has_children,
       pg_catalog.pg_get_partkeydef(rel.oid) AS partition_key, am.amname AS access_method,
       (SELECT pg_catalog.array_agg(inhparent::bigint ORDER BY inhseqno)::varchar FROM pg_catalog.pg_inherits WHERE rel.oid = inhrelid) AS ancestors
FROM pg_catalog.pg_class rel LEFT JOIN pg_catalog.pg_am am ON am.oid = rel.relam
WHERE relnamespace = 'public'::regnamespace::oid AND relkind IN ('r', 'p', 'm', 'v', 'f')
ORDER BY rel.relname, id;

-- name: columns
WITH rel AS (
    SELECT oid AS table_id, relname, relkind FROM pg_catalog.pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') AND NOT relispartition
)
SELECT rel.relname, att.attnum AS column_position, att.attname AS column_name, att.atttypmod AS type_mod, att.attndims AS dimensions_number,
       pg_catalog.format_type(att.atttypid, att.atttypmod) AS type_spec, att.attnotnull AS mandatory,
       pg_catalog.pg_get_expr(preset.adbin, rel.table_id) AS column_default, NOT att.attislocal AS column_is_inherited,
       att.attfdwoptions AS options, att.attisdropped AS column_is_dropped, att.attidentity AS identity_kind, att.attgenerated AS generated
FROM rel INNER JOIN pg_catalog.pg_attribute att ON rel.table_id = att.attrelid
LEFT JOIN pg_catalog.pg_attrdef preset ON rel.table_id = preset.adrelid AND att.attnum = preset.adnum
WHERE att.attnum > 0 AND NOT att.attisdropped AND rel.relname <> 'customers'
ORDER BY rel.relname, att.attnum;

-- name: indexes
SELECT rel.relname AS table_name, entry.relname AS index_name, ind.indisunique AS is_unique, ind.indisprimary AS is_primary,
       ind.indnullsnotdistinct AS nulls_not_distinct, pg_catalog.pg_get_expr(ind.indpred, ind.indrelid) AS condition,
       pg_catalog.array_to_string(ind.indclass, ',') IS NOT NULL AS classes, ind.indkey AS positions, ind.indnatts AS total, ind.indnkeyatts AS keys,
       pg_catalog.array_length(ind.indkey, 1) AS length
FROM pg_catalog.pg_class rel
JOIN pg_catalog.pg_index ind ON rel.oid = ind.indrelid
JOIN pg_catalog.pg_class entry ON ind.indexrelid = entry.oid
WHERE rel.relnamespace = 'public'::regnamespace AND rel.relkind IN ('r', 'm', 'v', 'p') AND entry.relkind = 'i'
ORDER BY 1, 2;

-- name: items of indexes
SELECT entry.relname, k AS place, ind.indoption[k - 1] AS options, pg_catalog.pg_get_indexdef(ind.indexrelid, k, true) AS item,
       CASE am.amcanorder WHEN true THEN CASE WHEN ind.indoption[k - 1] & 1 = 0 THEN 'A' ELSE 'D' END ELSE NULL END AS direction
FROM (SELECT indexrelid, indrelid, indoption, indkey, pg_catalog.generate_subscripts(indkey::int2[], 1) + 1 AS k FROM pg_catalog.pg_index) ind
JOIN pg_catalog.pg_class entry ON ind.indexrelid = entry.oid
CROSS JOIN (SELECT amname = 'btree' AS amcanorder FROM pg_catalog.pg_am WHERE amname = 'btree') am
WHERE entry.relnamespace = 'public'::regnamespace ORDER BY 1, 2;

-- name: constraints
SELECT rel.relname AS table_name, con.conname, con.contype AS con_kind, con.conkey AS con_columns, con.confkey AS ref_columns,
       con.confrelid::regclass AS ref_table, con.confmatchtype AS match_type, con.confupdtype AS on_update, con.confdeltype AS on_delete,
       con.condeferrable AS is_deferrable, con.condeferred AS is_init_deferred
FROM pg_catalog.pg_constraint con JOIN pg_catalog.pg_class rel ON rel.oid = con.conrelid
WHERE con.connamespace IN ('public'::regnamespace, 'sales'::regnamespace) AND con.contype IN ('p', 'u', 'f', 'c')
ORDER BY 1, 2;

-- name: user types
SELECT kind.typname, kind.typtype AS type_sub_kind, kind.typcategory AS type_category, kind.typbasetype AS base_type_id,
       kind.typndims AS dimensions_number, kind.typdefault AS default_expression, kind.typnotnull AS mandatory
FROM pg_catalog.pg_type kind
LEFT OUTER JOIN pg_catalog.pg_class rel ON kind.typrelid = rel.oid
WHERE kind.typnamespace = 'public'::regnamespace
  AND (kind.typtype IN ('d', 'e') OR rel.relkind = 'c'::"char" OR (kind.typtype = 'b' AND (kind.typelem = 0 OR kind.typcategory <> 'A')));

-- name: labels of enums
SELECT pg_catalog.array_agg(enumlabel::varchar ORDER BY enumsortorder) AS labels FROM pg_catalog.pg_enum GROUP BY enumtypid;

-- name: sequences
-- compare: columns
SELECT rel.oid, rel.relname, seq.seqtypid AS data_type, seq.seqstart AS start_value, seq.seqincrement AS inc_value, seq.seqcache AS cache_size,
       seq.seqcycle AS cycle_option, dep.refobjid AS table_id
FROM pg_catalog.pg_sequence seq JOIN pg_catalog.pg_class rel ON rel.oid = seq.seqrelid
LEFT JOIN pg_catalog.pg_depend dep ON dep.objid = rel.oid AND dep.deptype = 'a' AND dep.refclassid = 'pg_class'::regclass;

-- name: routines
-- compare: columns
WITH languages AS (SELECT oid AS lang_oid, lanname AS lang FROM pg_catalog.pg_language),
     routines AS (
         SELECT proname AS r_name, prolang AS lang_oid, oid AS r_id, xmin AS state, proargnames AS arg_names, proargmodes AS arg_modes,
                proargtypes::int[] AS in_arg_types, proallargtypes::int[] AS all_arg_types, pg_catalog.pg_get_expr(proargdefaults, 0) AS defaults,
                provariadic AS variadic, prorettype AS ret_type, proretset AS ret_set, prokind AS kind, provolatile AS volatility, proisstrict AS strict,
                prosecdef AS definer, procost AS cost, prorows AS "rows", proleakproof AS leakproof, proparallel AS concurrency
         FROM pg_catalog.pg_proc WHERE pronamespace = 'public'::regnamespace AND NOT (prokind = 'a')
     )
SELECT * FROM routines NATURAL JOIN languages;

-- name: aggregates
SELECT fun.proname, agg.aggtransfn::regproc::text AS transition FROM pg_catalog.pg_proc fun
JOIN pg_catalog.pg_aggregate agg ON fun.oid = agg.aggfnoid WHERE fun.pronamespace = 'public'::regnamespace;

-- name: texts of views
SELECT rel.relkind AS kind, rel.relname, pg_catalog.pg_get_viewdef(rel.oid, true) <> '' AS has_text
FROM pg_catalog.pg_class rel JOIN pg_catalog.pg_namespace space ON rel.relnamespace = space.oid
WHERE space.nspname IN ('public', 'sales') AND rel.relkind IN ('v', 'm') AND rel.relname <> '';

-- name: rules, triggers, policies
SELECT rel.relname, rule.rulename FROM pg_catalog.pg_rewrite rule JOIN pg_catalog.pg_class rel ON rel.oid = rule.ev_class
WHERE rule.rulename <> '_RETURN'::name AND rel.relnamespace = 'public'::regnamespace
UNION ALL
SELECT rel.relname, trig.tgname FROM pg_catalog.pg_trigger trig JOIN pg_catalog.pg_class rel ON rel.oid = trig.tgrelid
WHERE NOT trig.tgisinternal
UNION ALL SELECT rel.relname, pol.polname FROM pg_catalog.pg_policy pol JOIN pg_catalog.pg_class rel ON rel.oid = pol.polrelid;

-- name: comments
SELECT rel.relname, note.objsubid, note.description FROM pg_catalog.pg_description note
JOIN pg_catalog.pg_class rel ON note.objoid = rel.oid
WHERE note.classoid = 'pg_catalog.pg_class'::regclass AND rel.relnamespace = 'public'::regnamespace ORDER BY 1, 2;

-- name: roles
-- compare: columns
SELECT oid::bigint AS role_id, rolname AS role_name, rolsuper AS is_super, rolinherit AS is_inherit, rolcreaterole AS can_createrole,
       rolcreatedb AS can_createdb, rolcanlogin AS can_login, rolconnlimit AS conn_limit, rolvaliduntil AS valid_until, rolconfig AS config
FROM pg_catalog.pg_roles;

-- name: members
-- compare: columns
SELECT member AS id, roleid AS role_id, admin_option FROM pg_catalog.pg_auth_members ORDER BY id, roleid::text;

-- name: casts and operators
-- compare: columns
SELECT found.oid, found.castsource, found.casttarget, found.castfunc::regproc::text, found.castcontext FROM pg_catalog.pg_cast found WHERE found.oid > 0;

-- name: extensions, servers, tablespaces
-- compare: columns
SELECT ext.oid AS id, ext.extname AS name, ext.extversion AS version, ext.extnamespace AS schema_id, space.nspname AS schema_name
FROM pg_catalog.pg_extension ext JOIN pg_catalog.pg_namespace space ON ext.extnamespace = space.oid
WHERE EXISTS (SELECT 1 FROM pg_catalog.pg_available_extension_versions given WHERE given.name = ext.extname);

-- name: privileges of objects
-- compare: names
SELECT rel.oid AS object_id, rel.relacl AS acl FROM pg_catalog.pg_class rel WHERE rel.relnamespace = 'public'::regnamespace AND rel.relacl IS NOT NULL;

-- name: read a page of a table
-- compare: names
SELECT t.*, t.ctid IS NOT NULL AS placed FROM public.moods t LIMIT 501;
