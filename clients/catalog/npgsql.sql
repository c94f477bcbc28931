-- Npgsql's type loading, and what Power BI and other .NET programs ask through it.

-- name: version
-- compare: columns
SELECT version();

-- name: types
SELECT space.nspname, found.oid, found.typname, found.typtype, found.typnotnull, found.elemtypoid
FROM (
    SELECT kind.oid, kind.typnamespace, kind.typname, kind.typtype, kind.typrelid, kind.typnotnull, kind.relkind,
           CASE WHEN element.typtype IN ('b', 'p', 'e', 'c', 'd', 'r', 'm') THEN kind.elemtypoid ELSE 0 END AS elemtypoid,
           CASE WHEN kind.typtype IN ('b', 'e', 'p') THEN 0 WHEN kind.typtype = 'c' THEN 1 WHEN kind.typtype = 'r' THEN 2
                WHEN kind.typtype = 'd' AND element.typtype <> 'a' THEN 3 WHEN kind.typtype = 'a' THEN 4 ELSE 5 END AS ord
    FROM (
        SELECT one.oid, one.typnamespace, one.typname, one.typrelid, one.typnotnull, rel.relkind, one.typelem AS typelem,
               CASE WHEN fun.proname = 'array_recv' THEN 'a' ELSE one.typtype END AS typtype,
               CASE WHEN fun.proname = 'array_recv' THEN one.typelem WHEN one.typtype = 'r' THEN ranges.rngsubtype
                    WHEN one.typtype = 'm' THEN (SELECT rngtypid FROM pg_range WHERE rngmultitypid = one.oid)
                    WHEN one.typtype = 'd' THEN one.typbasetype END AS elemtypoid
        FROM pg_type AS one
        LEFT JOIN pg_class AS rel ON (rel.oid = one.typrelid)
        LEFT JOIN pg_proc AS fun ON fun.oid = one.typreceive
        LEFT JOIN pg_range AS ranges ON (ranges.rngtypid = one.oid)
    ) AS kind
    LEFT JOIN (
        SELECT one.oid, CASE WHEN fun.proname = 'array_recv' THEN 'a' ELSE one.typtype END AS typtype
        FROM pg_type AS one LEFT JOIN pg_proc AS fun ON fun.oid = one.typreceive
    ) AS element ON element.oid = kind.elemtypoid
) AS found
JOIN pg_namespace AS space ON (space.oid = found.typnamespace)
WHERE (found.typtype IN ('b', 'r', 'm', 'e', 'd') OR (found.typtype = 'c' AND found.relkind = 'c')
       OR (found.typtype = 'p' AND found.typname IN ('record', 'void', 'unknown')) OR found.typtype = 'a')
  AND found.typname IN ('int4', 'text', 'bool', 'mood', '_mood', '_text', 'int4range', 'int4multirange', 'record', 'uuid', 'timestamptz')
ORDER BY found.ord;

-- name: fields of composites
SELECT kind.oid, att.attname, att.atttypid
FROM pg_type AS kind JOIN pg_namespace AS space ON (space.oid = kind.typnamespace)
JOIN pg_class AS rel ON (rel.oid = kind.typrelid) JOIN pg_attribute AS att ON (att.attrelid = kind.typrelid)
WHERE kind.typtype = 'c' AND rel.relkind = 'c' AND att.attnum > 0 AND NOT att.attisdropped
ORDER BY kind.oid, att.attnum;

-- name: labels of enums
SELECT pg_type.oid, enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid ORDER BY oid, enumsortorder;

-- name: all at once, as it is sent
-- compare: columns
BEGIN TRANSACTION;
SELECT version();
SELECT oid, typname, typtype FROM pg_type ORDER BY oid;
SELECT pg_type.oid, enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid ORDER BY oid, enumsortorder;
COMMIT;

-- name: Power BI navigator
SELECT table_schema, table_name, table_type FROM information_schema.tables
WHERE table_schema NOT IN ('information_schema', 'pg_catalog') AND table_schema IN ('public', 'sales')
ORDER BY table_schema, table_name;

-- name: Power BI columns
SELECT column_name, ordinal_position, is_nullable, data_type,
       CASE WHEN data_type LIKE '%char%' THEN character_maximum_length ELSE numeric_precision END AS column_size,
       numeric_scale, datetime_precision
FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'customers' ORDER BY ordinal_position;

-- name: Power BI keys
SELECT usage.column_name, usage.ordinal_position, con.constraint_name AS key_name,
       CASE WHEN con.constraint_type = 'PRIMARY KEY' THEN 1 ELSE 0 END AS primary_key
FROM information_schema.table_constraints con, information_schema.key_column_usage usage
WHERE con.constraint_schema = usage.constraint_schema AND con.constraint_name = usage.constraint_name
  AND con.table_name = usage.table_name AND con.table_schema = usage.table_schema
  AND con.constraint_type IN ('PRIMARY KEY', 'UNIQUE') AND con.table_schema = 'public' AND con.table_name = 'order_lines';

-- name: Power BI relationships
SELECT target.column_name AS pk_column, target.table_schema AS pk_schema, target.table_name AS pk_table,
       source.column_name AS fk_column, source.table_schema AS fk_schema, source.table_name AS fk_table,
       source.ordinal_position, source.constraint_schema || '_' || source.table_name || '_' || target.table_name || '_' || ref.constraint_name AS fk_name
FROM information_schema.referential_constraints ref
JOIN information_schema.key_column_usage source
  ON source.constraint_catalog = ref.constraint_catalog AND source.constraint_schema = ref.constraint_schema AND source.constraint_name = ref.constraint_name
JOIN information_schema.key_column_usage target
  ON target.constraint_catalog = ref.unique_constraint_catalog AND target.constraint_schema = ref.unique_constraint_schema
  AND target.constraint_name = ref.unique_constraint_name AND target.ordinal_position = source.position_in_unique_constraint
ORDER BY 1, 2, 3, 4;

-- name: character set of the server
SELECT character_set_name FROM information_schema.character_sets;

-- name: schema collections: databases
-- compare: columns
SELECT database.datname AS database_name, owner.usename AS owner, pg_encoding_to_char(encoding) AS encoding
FROM pg_database database JOIN pg_user owner ON owner.usesysid = database.datdba;

-- name: schema collections: indexes
SELECT current_database() AS table_catalog, space.nspname AS table_schema, rel.relname AS table_name, entry.relname AS index_name
FROM pg_class entry JOIN pg_index ind ON ind.indexrelid = entry.oid JOIN pg_class rel ON rel.oid = ind.indrelid
LEFT JOIN pg_namespace space ON space.oid = rel.relnamespace
WHERE entry.relkind = 'i' AND space.nspname NOT IN ('pg_catalog', 'pg_toast') AND rel.relkind = 'r'
  AND space.nspname IN ('public', 'sales');

-- name: reset of a pooled connection
DISCARD ALL;
