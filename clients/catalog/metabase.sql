-- Metabase: its own sync over pgjdbc's connection.

-- name: session settings
SET extra_float_digits = 3;
SET application_name = 'Metabase';
SHOW transaction_isolation;

-- name: time zone
-- compare: columns
SHOW TimeZone;

-- name: privileges of the current user
WITH relations AS (
    SELECT n.nspname AS schema, c.relname AS name, c.relkind, c.oid AS relation
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON c.relnamespace = n.oid
    WHERE c.relkind IN ('r', 'p', 'v', 'f', 'm') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
      AND n.nspname IN ('public', 'sales')
)
SELECT NULL AS role, schema, name AS "table",
       pg_catalog.has_table_privilege(current_user, '"' || schema || '"' || '.' || '"' || name || '"', 'SELECT')
         OR pg_catalog.has_any_column_privilege(current_user, relation, 'SELECT') AS "select",
       pg_catalog.has_table_privilege(current_user, relation, 'update') AS "update",
       pg_catalog.has_table_privilege(current_user, relation, 'insert') AS "insert",
       pg_catalog.has_table_privilege(current_user, relation, 'delete') AS "delete"
FROM relations
WHERE pg_catalog.has_schema_privilege(current_user, schema, 'USAGE');

-- name: tables of all schemas
SELECT n.nspname AS schema, c.relname AS name, d.description AS description,
       CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW'
            WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS type
FROM pg_catalog.pg_class c
INNER JOIN pg_catalog.pg_namespace n ON c.relnamespace = n.oid
LEFT JOIN pg_catalog.pg_description d ON c.oid = d.objoid AND d.objsubid = 0
                                     AND d.classoid = 'pg_class'::regclass
WHERE c.relkind IN ('r', 'p', 'v', 'f', 'm') AND n.nspname !~ '^pg_' AND n.nspname IN ('public', 'sales')
ORDER BY type, schema, name;

-- name: fields of all tables
SELECT c.column_name AS name,
       CASE WHEN c.udt_schema IN ('public', 'pg_catalog') THEN format('%s', c.udt_name)
            ELSE format('"%s"."%s"', c.udt_schema, c.udt_name) END AS "database-type",
       c.ordinal_position - 1 AS "database-position",
       c.table_schema AS "table-schema", c.table_name AS "table-name",
       pk.column_name IS NOT NULL AS "pk?",
       col_description(CAST(CAST(format('%I.%I', CAST(c.table_schema AS text), CAST(c.table_name AS text)) AS regclass) AS oid),
                       c.ordinal_position) AS "field-comment",
       ((column_default IS NULL OR lower(column_default) = 'null') AND is_nullable = 'NO'
         AND NOT ((column_default IS NOT NULL AND column_default LIKE '%nextval(%') OR is_identity <> 'NO')) AS "database-required",
       (column_default IS NOT NULL AND column_default LIKE '%nextval(%') OR is_identity <> 'NO' AS "database-is-auto-increment"
FROM information_schema.columns AS c
LEFT JOIN (SELECT tc.table_schema, tc.table_name, kc.column_name
           FROM information_schema.table_constraints AS tc
           INNER JOIN information_schema.key_column_usage AS kc
             ON tc.constraint_name = kc.constraint_name AND tc.table_schema = kc.table_schema
             AND tc.table_name = kc.table_name
           WHERE tc.constraint_type = 'PRIMARY KEY') AS pk
  ON c.table_schema = pk.table_schema AND c.table_name = pk.table_name AND c.column_name = pk.column_name
WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' AND c.table_schema IN ('public')
ORDER BY "table-schema", "table-name", "database-position";

-- name: fields of materialized views
SELECT pa.attname AS name, CASE WHEN ptn.nspname IN ('public', 'pg_catalog') THEN format('%s', pt.typname)
       ELSE format('"%s"."%s"', ptn.nspname, pt.typname) END AS "database-type",
       pa.attnum - 1 AS "database-position", pn.nspname AS "table-schema", pc.relname AS "table-name"
FROM pg_catalog.pg_class pc
JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace
JOIN pg_catalog.pg_attribute pa ON pa.attrelid = pc.oid
JOIN pg_catalog.pg_type pt ON pt.oid = pa.atttypid
JOIN pg_catalog.pg_namespace ptn ON ptn.oid = pt.typnamespace
WHERE pc.relkind = 'm' AND pa.attnum >= 1
ORDER BY 4, 5, 3;

-- name: foreign keys
SELECT fk_ns.nspname AS "fk-table-schema", fk_table.relname AS "fk-table-name", fk_column.attname AS "fk-column-name",
       pk_ns.nspname AS "pk-table-schema", pk_table.relname AS "pk-table-name", pk_column.attname AS "pk-column-name"
FROM pg_catalog.pg_constraint c
JOIN pg_catalog.pg_class fk_table ON c.conrelid = fk_table.oid
JOIN pg_catalog.pg_namespace fk_ns ON c.connamespace = fk_ns.oid
JOIN pg_catalog.pg_attribute fk_column ON c.conrelid = fk_column.attrelid
JOIN pg_catalog.pg_class pk_table ON c.confrelid = pk_table.oid
JOIN pg_catalog.pg_namespace pk_ns ON pk_table.relnamespace = pk_ns.oid
JOIN pg_catalog.pg_attribute pk_column ON c.confrelid = pk_column.attrelid
WHERE fk_ns.nspname !~ '^information_schema|catalog_history|pg_' AND c.contype = 'f'::char
  AND fk_column.attnum = ANY (c.conkey) AND pk_column.attnum = ANY (c.confkey)
ORDER BY 1, 2;

-- name: indexes
SELECT tmp.table_schema AS "table-schema", tmp.table_name AS "table-name",
       trim(both '"' FROM pg_catalog.pg_get_indexdef(tmp.ci_oid, tmp.pos, false)) AS "field-name"
FROM (SELECT n.nspname AS table_schema, ct.relname AS table_name, ci.oid AS ci_oid,
             (information_schema._pg_expandarray(i.indkey)).n AS pos
      FROM pg_catalog.pg_class ct
      JOIN pg_catalog.pg_namespace n ON ct.relnamespace = n.oid
      JOIN pg_catalog.pg_index i ON ct.oid = i.indrelid
      JOIN pg_catalog.pg_class ci ON ci.oid = i.indexrelid
      WHERE i.indpred IS NULL AND n.nspname IN ('public', 'sales')) AS tmp
WHERE tmp.pos = 1;

-- name: enums
SELECT nspname, typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.oid IN (SELECT DISTINCT enumtypid FROM pg_enum e);

-- name: schemas
SELECT nspname AS "TABLE_SCHEM", current_database() AS "TABLE_CATALOG" FROM pg_catalog.pg_namespace
WHERE nspname <> 'pg_toast' AND (nspname !~ '^pg_temp_' OR nspname = (pg_catalog.current_schemas(true))[1])
  AND (nspname !~ '^pg_toast_temp_' OR nspname = replace((pg_catalog.current_schemas(true))[1], 'pg_temp_', 'pg_toast_temp_'))
  AND nspname IN ('public', 'sales', 'pg_catalog', 'information_schema')
ORDER BY 1;

-- name: size of a table
-- compare: columns
SELECT reltuples::bigint AS estimate FROM pg_class WHERE oid = '"public"."orders"'::regclass;
