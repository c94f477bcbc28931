-- knex, Prisma, TypeORM, Sequelize, Drizzle, Hasura: introspection.

-- name: knex: columns of a table
SELECT * FROM information_schema.columns WHERE table_name = 'counted' AND table_catalog = current_database() AND table_schema = current_schema();

-- name: knex: a table exists
SELECT * FROM information_schema.tables WHERE table_name = 'counted' AND table_schema = current_schema();

-- name: Sequelize: tables
SELECT table_name FROM information_schema.tables
WHERE table_schema = 'public' AND table_type LIKE '%TABLE' AND table_name != 'spatial_ref_sys' ORDER BY table_name;

-- name: Sequelize: a table
-- compare: names
SELECT pk.constraint_type AS "Constraint", c.column_name AS "Field", c.column_default AS "Default", c.is_nullable AS "Null",
       (CASE WHEN c.udt_name = 'hstore' THEN c.udt_name ELSE c.data_type END)
         || (CASE WHEN c.character_maximum_length IS NOT NULL THEN '(' || c.character_maximum_length || ')' ELSE '' END) AS "Type",
       (SELECT array_agg(e.enumlabel) FROM pg_catalog.pg_type t JOIN pg_catalog.pg_enum e ON t.oid = e.enumtypid WHERE t.typname = c.udt_name) AS "special",
       (SELECT pgd.description FROM pg_catalog.pg_statio_all_tables AS st INNER JOIN pg_catalog.pg_description pgd ON (pgd.objoid = st.relid)
        WHERE c.ordinal_position = pgd.objsubid AND c.table_name = st.relname) AS "Comment"
FROM information_schema.columns c
LEFT JOIN (SELECT tc.table_schema, tc.table_name, cu.column_name, tc.constraint_type FROM information_schema.table_constraints tc
           JOIN information_schema.key_column_usage cu ON tc.table_schema = cu.table_schema AND tc.table_name = cu.table_name
           AND tc.constraint_name = cu.constraint_name AND tc.constraint_type = 'PRIMARY KEY') pk
  ON pk.table_schema = c.table_schema AND pk.table_name = c.table_name AND pk.column_name = c.column_name
WHERE c.table_name = 'orders' AND c.table_schema = 'public';

-- name: Sequelize: indexes
SELECT i.relname AS name, ix.indisprimary AS "primary", ix.indisunique AS "unique", ix.indkey AS indkey,
       array_agg(a.attnum ORDER BY a.attnum) AS column_indexes, array_agg(a.attname ORDER BY a.attnum) AS column_names, pg_get_indexdef(ix.indexrelid) AS definition
FROM pg_class t, pg_class i, pg_index ix, pg_attribute a
WHERE t.oid = ix.indrelid AND i.oid = ix.indexrelid AND a.attrelid = t.oid AND t.relkind = 'r' AND t.relname = 'order_lines' AND a.attnum > 0
GROUP BY i.relname, ix.indexrelid, ix.indisprimary, ix.indisunique, ix.indkey ORDER BY i.relname;

-- name: Sequelize: enums
SELECT t.typname enum_name, array_agg(e.enumlabel ORDER BY enumsortorder) enum_value FROM pg_type t
JOIN pg_enum e ON t.oid = e.enumtypid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = 'public' GROUP BY 1;

-- name: Prisma: version and schema
-- compare: columns
SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'public') AS present, version() AS version, current_setting('server_version_num')::integer AS numeric_version;

-- name: Prisma: namespaces
SELECT space.nspname AS namespace_name FROM pg_namespace AS space WHERE space.nspname = ANY (ARRAY['public', 'sales']::text[]) ORDER BY namespace_name;

-- name: Prisma: tables
SELECT rel.relname AS table_name, space.nspname AS namespace, (rel.relhassubclass AND rel.relkind = 'p') AS is_partition,
       (rel.relhassubclass AND rel.relkind = 'r') AS has_subclass, rel.relrowsecurity AS has_row_level_security, rel.reloptions,
       obj_description(rel.oid, 'pg_class') AS description
FROM pg_class AS rel INNER JOIN pg_namespace AS space ON space.oid = rel.relnamespace
WHERE rel.relkind = ANY ('{r,p}'::"char"[]) AND rel.relispartition = 'f' AND space.nspname = ANY ('{public,sales}'::text[])
ORDER BY namespace, table_name;

-- name: Prisma: columns
SELECT found.namespace, found.table_name, found.column_name, format_type(found.formatted_type, found.typmod) AS formatted_type,
       info.numeric_precision, info.numeric_scale, info.datetime_precision, info.data_type, info.udt_schema AS type_schema_name, info.udt_name AS full_data_type,
       pg_get_expr(def.adbin, def.adrelid) IS NOT NULL AS has_default, info.is_nullable, info.is_identity, info.character_maximum_length, col_description(found.relation, found.place) AS description
FROM information_schema.columns info
JOIN (SELECT att.attname AS column_name, rel.relname AS table_name, space.nspname AS namespace, att.atttypid AS formatted_type, att.atttypmod AS typmod,
             att.attrelid AS relation, att.attnum AS place
      FROM pg_class rel JOIN pg_namespace space ON space.oid = rel.relnamespace AND space.nspname = ANY ('{public}'::text[])
      JOIN pg_attribute att ON att.attrelid = rel.oid AND rel.relkind IN ('r', 'p', 'v') AND att.attnum > 0) AS found
  ON found.column_name = info.column_name AND found.table_name = info.table_name AND found.namespace = info.table_schema
LEFT JOIN pg_attrdef def ON found.relation = def.adrelid AND found.place = def.adnum
ORDER BY namespace, table_name, info.ordinal_position;

-- name: Prisma: indexes
WITH raw AS (
    SELECT indrelid, indexrelid, indisunique, indisprimary, unnest(indkey) AS keyid, generate_subscripts(indkey, 1) AS keyord,
           unnest(indclass) AS classoid, unnest(indoption) AS option
    FROM pg_index WHERE indpred IS NULL AND NOT indisexclusion
)
SELECT space.nspname AS namespace, entry.relname AS index_name, rel.relname AS table_name, att.attname AS column_name, raw.indisunique AS is_unique,
       raw.indisprimary AS is_primary_key, raw.keyord AS column_index, op.opcname AS opclass, op.opcdefault, am.amname AS index_algo,
       CASE raw.option & 1 WHEN 1 THEN 'DESC' ELSE 'ASC' END AS column_order
FROM raw INNER JOIN pg_class AS entry ON entry.oid = raw.indexrelid
INNER JOIN pg_class AS rel ON rel.oid = raw.indrelid
INNER JOIN pg_attribute AS att ON att.attrelid = rel.oid AND att.attnum = raw.keyid
INNER JOIN pg_namespace AS space ON space.oid = rel.relnamespace
INNER JOIN pg_opclass AS op ON op.oid = raw.classoid
INNER JOIN pg_am AS am ON am.oid = entry.relam
WHERE space.nspname = ANY ('{public,sales}'::text[]) ORDER BY 1, 3, 2, 7;

-- name: Prisma: foreign keys
SELECT con.conname AS constraint_name, child.attname AS child_column, parent.attname AS parent_column, con.confdeltype, con.confupdtype,
       rel.relname AS table_name, target.relname AS parent_table, con.colidx AS place
FROM (SELECT unnest(own.conkey) AS child, unnest(own.confkey) AS parent, own.conrelid, own.confrelid, own.conname, own.confdeltype, own.confupdtype,
             generate_subscripts(own.conkey, 1) AS colidx
      FROM pg_class cl JOIN pg_constraint own ON own.conrelid = cl.oid WHERE own.contype = 'f' ORDER BY colidx) con
JOIN pg_attribute parent ON parent.attrelid = con.confrelid AND parent.attnum = con.parent
JOIN pg_attribute child ON child.attrelid = con.conrelid AND child.attnum = con.child
JOIN pg_class rel ON rel.oid = con.conrelid JOIN pg_class target ON target.oid = con.confrelid
ORDER BY table_name, constraint_name, place;

-- name: Prisma: views, procedures, sequences, extensions
SELECT viewname AS view_name, schemaname AS namespace, definition IS NOT NULL AS defined FROM pg_views WHERE schemaname = ANY ('{public,sales}'::text[])
UNION ALL SELECT sequence_name, sequence_schema, start_value = '5' FROM information_schema.sequences
UNION ALL SELECT p.proname, n.nspname, true FROM pg_proc p LEFT JOIN pg_namespace n ON p.pronamespace = n.oid WHERE n.nspname = ANY ('{public,sales}'::text[]) AND p.prokind NOT IN ('a', 'w')
UNION ALL SELECT extname, 'extension', extrelocatable FROM pg_extension WHERE extname <> 'plpgsql';

-- name: Prisma: advisory lock of a migration
-- compare: names
SELECT pg_advisory_lock(72707369);
SELECT pg_advisory_unlock(72707369);

-- name: TypeORM: tables
SELECT "table_schema", "table_name", obj_description(('"' || "table_schema" || '"."' || "table_name" || '"')::regclass, 'pg_class') AS table_comment
FROM "information_schema"."tables" WHERE ("table_schema" = 'public' AND "table_name" = 'customers') OR ("table_schema" = 'sales' AND "table_name" = 'regions');

-- name: TypeORM: columns
SELECT columns.*, pg_catalog.col_description(('"' || table_catalog || '"."' || table_schema || '"."' || table_name || '"')::regclass::oid, ordinal_position) AS description,
       ('"' || "udt_schema" || '"."' || "udt_name" || '"')::"regtype" AS "regtype", pg_catalog.format_type("col_attr"."atttypid", "col_attr"."atttypmod") AS "format_type"
FROM "information_schema"."columns"
LEFT JOIN "pg_catalog"."pg_attribute" AS "col_attr" ON "col_attr"."attname" = "columns"."column_name" AND "col_attr"."attrelid" = (
    SELECT "cls"."oid" FROM "pg_catalog"."pg_class" AS "cls" LEFT JOIN "pg_catalog"."pg_namespace" AS "ns" ON "ns"."oid" = "cls"."relnamespace"
    WHERE "cls"."relname" = "columns"."table_name" AND "ns"."nspname" = "columns"."table_schema")
WHERE table_schema = 'public' AND table_name = 'order_lines';

-- name: TypeORM: constraints
SELECT "ns"."nspname" AS "table_schema", "t"."relname" AS "table_name", "cnst"."conname" AS "constraint_name",
       CASE "cnst"."contype" WHEN 'p' THEN 'PRIMARY' WHEN 'u' THEN 'UNIQUE' WHEN 'c' THEN 'CHECK' WHEN 'x' THEN 'EXCLUDE' END AS "constraint_type", "a"."attname" AS "column_name"
FROM "pg_constraint" "cnst" INNER JOIN "pg_class" "t" ON "t"."oid" = "cnst"."conrelid" INNER JOIN "pg_namespace" "ns" ON "ns"."oid" = "cnst"."connamespace"
LEFT JOIN "pg_attribute" "a" ON "a"."attrelid" = "cnst"."conrelid" AND "a"."attnum" = ANY ("cnst"."conkey")
WHERE "t"."relkind" IN ('r', 'p') AND "ns"."nspname" = 'public' AND "cnst"."contype" IN ('p', 'u', 'c');

-- name: TypeORM: enum of a column
SELECT "e"."enumlabel" AS "value" FROM "pg_enum" "e" INNER JOIN "pg_type" "t" ON "t"."oid" = "e"."enumtypid"
INNER JOIN "pg_namespace" "n" ON "n"."oid" = "t"."typnamespace" WHERE "n"."nspname" = 'public' AND "t"."typname" = 'mood';

-- name: TypeORM: schemas and extensions
SELECT current_schema() AS schema, current_database() AS db;
SELECT * FROM pg_extension WHERE extname = 'uuid-ossp';

-- name: Drizzle: tables
SELECT n.nspname AS table_schema, c.relname AS table_name,
       CASE WHEN c.relkind = 'r' THEN 'table' WHEN c.relkind = 'v' THEN 'view' WHEN c.relkind = 'm' THEN 'materialized_view' END AS type, c.relrowsecurity AS rls_enabled
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm') AND n.nspname IN ('public', 'sales');

-- name: Drizzle: columns
SELECT a.attrelid::regclass::text AS table_name, a.attname AS column_name, CASE WHEN NOT a.attnotnull THEN 'YES' ELSE 'NO' END AS is_nullable,
       a.attndims AS array_dimensions,
       CASE WHEN a.atttypid = ANY ('{int,int8,int2}'::regtype[]) AND EXISTS (
            SELECT FROM pg_attrdef ad WHERE ad.adrelid = a.attrelid AND ad.adnum = a.attnum
            AND pg_get_expr(ad.adbin, ad.adrelid) = 'nextval(''' || pg_get_serial_sequence(a.attrelid::regclass::text, a.attname)::regclass || '''::regclass)')
            THEN CASE a.atttypid WHEN 'int'::regtype THEN 'serial' WHEN 'int8'::regtype THEN 'bigserial' WHEN 'int2'::regtype THEN 'smallserial' END
            ELSE format_type(a.atttypid, a.atttypmod) END AS data_type
FROM pg_attribute a WHERE a.attrelid = '"public"."counted"'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;

-- name: Drizzle: sequences, enums, roles, policies
SELECT schemaname, sequencename, start_value, min_value, increment_by, cycle FROM pg_sequences AS seq;
SELECT rolname, rolinherit, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = 'nobody';
SELECT schemaname, tablename, policyname AS name, permissive AS "as", roles AS "to", cmd AS "for", qual AS using, with_check AS "withCheck" FROM pg_policies;

-- name: Drizzle: views
SELECT rel.relname, pg_get_viewdef(rel.oid) <> '' AS defined FROM pg_class rel WHERE rel.relkind = 'v' AND rel.relnamespace = 'sales'::regnamespace;

-- name: Hasura: tables as json
SELECT space.nspname AS table_schema, rel.relname AS table_name,
       coalesce(json_agg(json_build_object('name', col.attname, 'position', col.attnum, 'is_nullable', NOT col.attnotnull) ORDER BY col.attnum), '[]') AS columns
FROM pg_class rel JOIN pg_namespace space ON space.oid = rel.relnamespace JOIN pg_attribute col ON col.attrelid = rel.oid AND col.attnum > 0
WHERE rel.relname = 'counted' GROUP BY space.nspname, rel.relname;

-- name: Hasura: kinds of tables
SELECT rel.oid::integer > 0 AS numbered, rel.relname, CASE WHEN rel.relkind = 'v' THEN 'VIEW' ELSE 'BASE TABLE' END AS kind,
       pg_catalog.pg_relation_is_updatable(rel.oid, true) & 8 = 8 AS is_insertable
FROM pg_class rel WHERE rel.relnamespace = 'public'::regnamespace AND rel.relkind IN ('r') ORDER BY 2;
