-- pgjdbc's metadata calls, which DBeaver, DataGrip, Metabase and Tableau's JDBC stand on; by the method that asks.

-- name: tables
SELECT NULL AS catalog, space.nspname AS schema, rel.relname AS name, note.description AS remarks,
       CASE space.nspname ~ '^pg_' OR space.nspname = 'information_schema'
         WHEN true THEN CASE rel.relkind WHEN 'r' THEN 'SYSTEM TABLE' WHEN 'v' THEN 'SYSTEM VIEW' ELSE NULL END
         WHEN false THEN CASE rel.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'i' THEN 'INDEX' WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW'
              WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'c' THEN 'TYPE' ELSE NULL END
         ELSE NULL END AS kind
FROM pg_catalog.pg_namespace space, pg_catalog.pg_class rel
LEFT JOIN pg_catalog.pg_description note
  ON (note.objsubid = 0 AND note.objoid = rel.oid AND note.classoid = 'pg_class'::regclass)
WHERE space.oid = rel.relnamespace AND space.nspname LIKE 'public'
  AND (false OR (rel.relkind IN ('r', 'v', 'i', 'S') AND space.nspname !~ '^pg_'))
ORDER BY kind, schema, name;

-- name: system tables
-- compare: columns
SELECT space.nspname AS schema, rel.relname AS name FROM pg_catalog.pg_class rel, pg_catalog.pg_namespace space
WHERE space.oid = rel.relnamespace AND space.nspname = 'pg_catalog' AND rel.relkind = 'r' ORDER BY schema, name;

-- name: columns
SELECT * FROM (
    SELECT current_database() AS current_database, space.nspname, rel.relname, att.attname, att.atttypid,
           att.attnotnull OR (kind.typtype = 'd' AND kind.typnotnull) AS required, att.atttypmod, att.attlen, kind.typtypmod,
           row_number() OVER (PARTITION BY att.attrelid ORDER BY att.attnum) AS place,
           nullif(att.attidentity, '') AS identity, nullif(att.attgenerated, '') AS generated,
           pg_catalog.pg_get_expr(preset.adbin, preset.adrelid) AS preset, note.description, kind.typbasetype, kind.typtype
    FROM pg_catalog.pg_attribute att
    JOIN pg_catalog.pg_class rel ON rel.oid = att.attrelid
    JOIN pg_catalog.pg_namespace space ON space.oid = rel.relnamespace
    JOIN pg_catalog.pg_type kind ON kind.oid = att.atttypid
    LEFT JOIN pg_catalog.pg_attrdef preset ON preset.adnum = att.attnum AND preset.adrelid = att.attrelid
    LEFT JOIN pg_catalog.pg_description note ON note.objsubid = att.attnum AND note.objoid = rel.oid
    LEFT JOIN pg_catalog.pg_class holder ON holder.relname = 'pg_class' AND holder.oid = note.classoid
    WHERE NOT att.attisdropped AND att.attnum > 0 AND rel.relkind IN ('r', 'v', 'm', 'p', 'f')
      AND rel.relname LIKE 'c%' AND space.nspname LIKE 'public') AS found
WHERE true ORDER BY nspname, found.relname, place;

-- name: primary keys
SELECT found.name, found.attname, found.place, found.key_name
FROM (SELECT rel.relname AS name, att.attname, att.attnum, key.relname AS key_name,
             (information_schema._pg_expandarray(ind.indkey)).n AS place,
             information_schema._pg_expandarray(ind.indkey) AS numbered
      FROM pg_catalog.pg_index ind
      JOIN pg_catalog.pg_class rel ON rel.oid = ind.indrelid
      JOIN pg_catalog.pg_class key ON key.oid = ind.indexrelid
      JOIN pg_catalog.pg_attribute att ON att.attrelid = rel.oid
      JOIN pg_catalog.pg_namespace space ON space.oid = rel.relnamespace
      WHERE ind.indisprimary AND space.nspname = 'public' AND rel.relname = 'order_lines') AS found
WHERE (found.numbered).x = found.attnum
ORDER BY found.name, found.key_name, found.place;

-- name: imported keys
SELECT NULL::text AS catalog, target.relname AS target, target_att.attname AS target_column,
       source.relname AS source, source_att.attname AS source_column, pos.n AS place,
       CASE con.confdeltype WHEN 'a' THEN 3 WHEN 'c' THEN 0 WHEN 'r' THEN 1 WHEN 'n' THEN 2 ELSE NULL END AS on_delete,
       con.conname, target_key.relname AS target_key,
       CASE WHEN con.condeferrable AND con.condeferred THEN 5 WHEN con.condeferrable THEN 6 ELSE 7 END AS deferring
FROM pg_catalog.pg_constraint con, pg_catalog.generate_series(1, 8) pos(n),
     pg_catalog.pg_class source, pg_catalog.pg_attribute source_att,
     pg_catalog.pg_class target, pg_catalog.pg_attribute target_att, pg_catalog.pg_class target_key
WHERE con.contype = 'f' AND con.conrelid = source.oid AND con.confrelid = target.oid AND con.conindid = target_key.oid
  AND source_att.attrelid = source.oid AND source_att.attnum = con.conkey[pos.n]
  AND target_att.attrelid = target.oid AND target_att.attnum = con.confkey[pos.n]
ORDER BY target, con.conname, place;

-- name: index information
SELECT found.name, found.index_name, found.loose, found.kind, found.place,
       trim(both '"' FROM pg_catalog.pg_get_indexdef(found.index_oid, found.place, false)) AS column_name,
       CASE found.method WHEN 'btree' THEN CASE found.options[found.place - 1] & 1::smallint WHEN 1 THEN 'D' ELSE 'A' END
            ELSE NULL END AS direction
FROM (SELECT rel.relname AS name, entry.relname AS index_name, NOT ind.indisunique AS loose,
             CASE ind.indisclustered WHEN true THEN 1 ELSE CASE am.amname WHEN 'hash' THEN 2 ELSE 3 END END AS kind,
             (information_schema._pg_expandarray(ind.indkey)).n AS place, entry.oid AS index_oid,
             ind.indoption AS options, am.amname AS method, pg_catalog.pg_get_expr(ind.indpred, ind.indrelid) AS filter
      FROM pg_catalog.pg_index ind
      JOIN pg_catalog.pg_class rel ON rel.oid = ind.indrelid
      JOIN pg_catalog.pg_class entry ON entry.oid = ind.indexrelid
      JOIN pg_catalog.pg_am am ON am.oid = entry.relam
      WHERE rel.relname = 'orders') AS found
ORDER BY loose, kind, index_name, place;

-- name: type information
SELECT kind.typname, kind.oid FROM pg_catalog.pg_namespace space JOIN pg_catalog.pg_type kind ON kind.typnamespace = space.oid
WHERE space.nspname <> 'pg_toast' AND kind.typname IN ('int4', 'text', '_text', 'bool', 'mood', 'numeric', 'jsonb', 'hstore')
  AND (kind.typrelid = 0 OR (SELECT rel.relkind = 'c' FROM pg_catalog.pg_class rel WHERE rel.oid = kind.typrelid));

-- name: type by name along the search path
SELECT kind.typinput = 'pg_catalog.array_in'::regproc AS listed, kind.typtype, kind.typname, kind.oid
FROM pg_catalog.pg_type kind
LEFT JOIN (SELECT space.oid AS nspoid, space.nspname, path.place FROM pg_namespace AS space
           JOIN (SELECT steps.place, (current_schemas(false))[steps.place] AS nspname
                 FROM generate_series(1, array_upper(current_schemas(false), 1)) AS steps(place)) AS path USING (nspname)) AS paths
  ON paths.nspoid = kind.typnamespace
WHERE kind.typname IN ('mood', '_mood', '_int4')
ORDER BY paths.place, kind.oid DESC;

-- name: array elements
SELECT element.typdelim, element.typname, space.nspname = ANY(current_schemas(true)) AS visible
FROM pg_catalog.pg_type listed JOIN pg_catalog.pg_type element ON element.oid = listed.typelem
JOIN pg_catalog.pg_namespace space ON space.oid = listed.typnamespace WHERE listed.oid IN (1007, 1009);

-- name: functions
SELECT current_database() AS catalog, space.nspname AS schema, fun.proname AS name, note.description AS remarks,
       CASE WHEN format_type(fun.prorettype, NULL) = 'unknown' THEN 0 WHEN fun.proretset THEN 2 ELSE 1 END AS kind,
       fun.proname || '_' || fun.oid AS specific_name
FROM pg_catalog.pg_proc fun JOIN pg_catalog.pg_namespace space ON space.oid = fun.pronamespace
LEFT JOIN pg_catalog.pg_description note ON note.objoid = fun.oid
WHERE fun.prokind = 'f' AND space.nspname = 'public'
ORDER BY schema, name, fun.oid::text;

-- name: functions' arguments
-- compare: columns
SELECT space.nspname, fun.proname, fun.prorettype, fun.proargtypes, kind.typtype, kind.typrelid, fun.proargnames,
       fun.proargmodes, fun.proallargtypes, fun.oid
FROM pg_catalog.pg_type kind, pg_catalog.pg_namespace space, pg_catalog.pg_proc fun
WHERE fun.prorettype = kind.oid AND fun.pronamespace = space.oid ORDER BY 1, 2, fun.oid::text;

-- name: procedures
SELECT space.nspname, fun.proname, note.description, 2 AS kind
FROM pg_catalog.pg_namespace space, pg_catalog.pg_proc fun
LEFT JOIN pg_catalog.pg_description note ON (note.objoid = fun.oid)
LEFT JOIN pg_catalog.pg_class holder ON (holder.relname = 'pg_proc' AND holder.oid = note.classoid)
WHERE fun.prokind = 'p' AND fun.pronamespace = space.oid;

-- name: privileges of tables
-- compare: names
SELECT space.nspname, rel.relname, owner.rolname, rel.relacl
FROM pg_catalog.pg_roles owner, pg_catalog.pg_class rel, pg_catalog.pg_namespace space
WHERE owner.oid = rel.relowner AND space.oid = rel.relnamespace AND rel.relkind IN ('r', 'v') AND space.nspname = 'public'
ORDER BY 1, 2;

-- name: catalogs
-- compare: columns
SELECT datname AS catalog FROM pg_catalog.pg_database WHERE datallowconn = true ORDER BY datname;

-- name: best row identifier
SELECT att.attname, att.atttypid, att.atttypmod
FROM pg_catalog.pg_attribute att
JOIN pg_catalog.pg_class rel ON rel.oid = att.attrelid
JOIN (SELECT ind.indrelid, ind.indisprimary, information_schema._pg_expandarray(ind.indkey) AS numbered
      FROM pg_catalog.pg_index ind) keys ON (att.attnum = (keys.numbered).x AND att.attrelid = keys.indrelid)
WHERE rel.relname = 'orders' AND keys.indisprimary ORDER BY att.attnum;

-- name: keywords
-- compare: columns
SELECT string_agg(word, ',') FROM pg_catalog.pg_get_keywords() WHERE word <> ALL ('{a,abs,absolute,action,ada}'::text[]);

-- name: longest name
SELECT kind.typlen FROM pg_catalog.pg_namespace space, pg_catalog.pg_type kind
WHERE space.oid = kind.typnamespace AND space.nspname = 'pg_catalog' AND kind.typname = 'name';

-- name: columns of a result
SELECT rel.oid, att.attnum, att.attname, rel.relname, att.attidentity <> '' OR pg_catalog.pg_get_expr(preset.adbin, preset.adrelid) LIKE '%nextval(%'
FROM (SELECT 'counted'::regclass::oid AS oid, 1 AS attnum UNION ALL SELECT 'counted'::regclass::oid, 2) AS wanted
JOIN pg_catalog.pg_class rel ON rel.oid = wanted.oid
JOIN pg_catalog.pg_attribute att ON att.attrelid = rel.oid AND att.attnum = wanted.attnum
LEFT JOIN pg_catalog.pg_attrdef preset ON preset.adrelid = att.attrelid AND preset.adnum = att.attnum;
