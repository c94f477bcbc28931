-- What DuckDB knows of the databases a client may see, with PostgreSQL's names and oids. Each view in schema `made` is
-- taken as a table, once for all sessions after a definition may have changed, and by a session alone while it has
-- definitions that only it sees; the catalogs read either through the view of that name in schema `base`.

CREATE VIEW rvbbit_pg.made.catalogs AS
SELECT database_name, database_name = current_database() AS own, database_name = 'temp' AS temporary
FROM duckdb_databases()
WHERE database_name = 'temp'
   OR (NOT internal AND database_name NOT IN ('rvbbit_ledger', 'rvbbit_published', 'rvbbit_pg', 'rvbbit_fn'));

CREATE VIEW rvbbit_pg.made.schemas AS
SELECT named.*, CASE nspname WHEN 'public' THEN 2200 ELSE rvbbit_pg.base.oid_of('schema', nspname) END AS oid
FROM (
    SELECT s.database_name, s.schema_name, c.own, c.temporary, s."comment",
           CASE WHEN c.temporary THEN 'pg_temp_1'
                WHEN NOT c.own THEN s.database_name
                WHEN s.schema_name = 'main' THEN 'public'
                ELSE s.schema_name END AS nspname
    FROM duckdb_schemas() s JOIN rvbbit_pg.base.catalogs c USING (database_name)
    WHERE s.schema_name NOT IN ('pg_catalog', 'information_schema') AND (c.own OR s.schema_name = 'main')
) named;

-- The sequences of identity columns, by their names in a column's default: `a` is always, `d` by default.
CREATE VIEW rvbbit_pg.made.identities AS
SELECT database_name, CASE schema_name WHEN 'main' THEN '' ELSE schema_name || '.' END || sequence_name AS sequence_path,
       regexp_extract("comment", '^\[identity ([ad])\]$', 1) AS identity
FROM duckdb_sequences() WHERE "comment" IN ('[identity a]', '[identity d]');

-- One row per column of tables and views.
CREATE VIEW rvbbit_pg.made.columns AS
SELECT s.nspname, s.oid AS nspoid, d.table_name, rvbbit_pg.base.oid_of('relation', s.nspname || '.' || d.table_name) AS attrelid,
       d.column_name, d.column_index, d.column_default,
       nullif(regexp_replace(d."comment", '\n?\[declared [a-z]+(\(\d+\))?(\[\])?\]$', ''), '') AS "comment",
       nullif(regexp_extract(d."comment", '\[declared ([a-z]+)(?:\(\d+\))?(?:\[\])?\]$', 1), '') AS declared_word,
       TRY_CAST(regexp_extract(d."comment", '\[declared [a-z]+\((\d+)\)(?:\[\])?\]$', 1) AS INTEGER) AS declared_size, d.is_nullable, d.data_type,
       d.numeric_precision, d.numeric_scale, d.is_generated, d.generation_expression,
       regexp_replace(d.data_type, '(\[\d*\])+$', '') AS element_type, ends_with(d.data_type, ']') AS is_array,
       d.database_name, d.schema_name, coalesce(i.identity, '') AS identity
FROM duckdb_columns() d JOIN rvbbit_pg.base.schemas s USING (database_name, schema_name)
LEFT JOIN rvbbit_pg.base.identities i ON i.database_name = d.database_name
     AND i.sequence_path = replace(regexp_extract(d.column_default, '^nextval\(''(?:main\.|"main"\.)?(.*)''\)$', 1), '"', '')
WHERE NOT d.internal AND NOT starts_with(d.table_name, 'rvbbit_base_');

-- The column names of a table, in order: what turns names into attribute numbers.
CREATE VIEW rvbbit_pg.made.column_lists AS
SELECT database_name, schema_name, table_name, list(column_name ORDER BY column_index) AS names
FROM rvbbit_pg.base.columns GROUP BY ALL;

CREATE VIEW rvbbit_pg.made.enums AS
SELECT s.nspname, s.oid AS nspoid, t.type_name, t.labels, t."comment",
       rvbbit_pg.base.oid_of('type', s.nspname || '.' || t.type_name) AS oid,
       rvbbit_pg.base.oid_of('type', s.nspname || '._' || t.type_name) AS array_oid,
       'ENUM(' || array_to_string(
           list_transform(t.labels, lambda label: '''' || replace(label, '''', '''''') || ''''), ', ') || ')' AS element_type
FROM duckdb_types() t JOIN rvbbit_pg.base.schemas s USING (database_name, schema_name)
WHERE NOT t.internal AND t.logical_type = 'ENUM';

-- Columns with the oid and typmod of their types.
CREATE VIEW rvbbit_pg.made.typed_columns AS
SELECT c.*,
       CASE WHEN c.is_array THEN coalesce(w.array_oid, e.array_oid, n.array_oid, 1009)
            ELSE coalesce(w.oid, e.oid, n.oid, 25) END AS atttypid,
       CASE WHEN w.oid IS NOT NULL THEN coalesce(c.declared_size + w.header, -1)
            WHEN starts_with(c.data_type, 'DECIMAL(') AND NOT c.is_array AND NOT (c.numeric_precision = 38 AND c.numeric_scale >= 10)
            THEN (c.numeric_precision << 16 | c.numeric_scale) + 4 ELSE -1 END AS atttypmod
FROM rvbbit_pg.base.columns c
LEFT JOIN rvbbit_pg.base.type_names n ON n.duckdb_name = split_part(c.element_type, '(', 1)
LEFT JOIN rvbbit_pg.base.declared_words w ON w.word = c.declared_word AND starts_with(c.element_type, w.duckdb_type)
LEFT JOIN (SELECT element_type, min(oid) AS oid, min(array_oid) AS array_oid
           FROM rvbbit_pg.base.enums GROUP BY element_type) e USING (element_type);

-- Constraints as PostgreSQL counts columns: from 1. DuckDB's own, the foreign keys behind tables' comments, and the
-- unique indexes that are constraints (`indexed`).
CREATE VIEW rvbbit_pg.made.marked_keys AS
SELECT database_name, schema_name, table_name, key->>'name' AS conname,
       from_json(key->'columns', '["VARCHAR"]') AS column_names, key->>'schema' AS referenced_schema,
       key->>'table' AS referenced_table, from_json(key->'keys', '["VARCHAR"]') AS referenced_column_names,
       key->>'on_delete' AS confdeltype, key->>'on_update' AS confupdtype,
       (key->>'deferrable')::BOOLEAN AS condeferrable, (key->>'deferred')::BOOLEAN AS condeferred
FROM (SELECT database_name, schema_name, table_name,
             unnest(from_json(json_extract(rvbbit_fn.base.constraints_mark("comment"), '$.foreign'), '["JSON"]')) AS key
      FROM duckdb_tables() WHERE contains("comment", '[constraints '));

CREATE VIEW rvbbit_pg.made.listed_constraints AS
SELECT d.database_name, d.schema_name, d.table_name, d.constraint_type,
       rvbbit_fn.base.check_text(d.expression) AS expression,
       rvbbit_fn.base.constraint_name(d.constraint_type, d.table_name, d.constraint_column_names, d.constraint_name,
                                      d.expression, t."comment") AS conname,
       d.constraint_column_names AS column_names, d.schema_name AS referenced_schema, d.referenced_table,
       d.referenced_column_names, 'a' AS confdeltype, 'a' AS confupdtype, false AS condeferrable, false AS condeferred,
       false AS indexed
FROM duckdb_constraints() d
JOIN (SELECT database_name, schema_name, table_name, "comment" FROM duckdb_tables()) t
     USING (database_name, schema_name, table_name)
WHERE d.constraint_type <> 'NOT NULL'
UNION ALL BY NAME
SELECT *, 'FOREIGN KEY' AS constraint_type, false AS indexed FROM rvbbit_pg.base.marked_keys
UNION ALL BY NAME
SELECT database_name, schema_name, table_name, 'UNIQUE' AS constraint_type, index_name AS conname,
       rvbbit_pg.base.index_items(expressions) AS column_names, [] AS referenced_column_names, 'a' AS confdeltype,
       'a' AS confupdtype, false AS condeferrable, false AS condeferred, true AS indexed
FROM duckdb_indexes() WHERE "comment" = '[constraint]';

CREATE VIEW rvbbit_pg.made.constraints AS
SELECT s.nspname, s.oid AS nspoid, d.table_name, d.constraint_type, d.expression, d.referenced_table,
       rvbbit_pg.base.oid_of('relation', s.nspname || '.' || d.table_name) AS conrelid,
       r.nspname AS referenced_nspname,
       rvbbit_pg.base.oid_of('relation', r.nspname || '.' || d.referenced_table) AS confrelid,
       d.conname, d.confdeltype, d.confupdtype, d.condeferrable, d.condeferred, d.indexed,
       list_transform(d.column_names, lambda name: list_position(own.names, name)::SMALLINT) AS conkey,
       list_transform(d.referenced_column_names, lambda name: list_position(theirs.names, name)::SMALLINT) AS confkey,
       d.column_names, d.referenced_column_names, own.names AS table_columns
FROM rvbbit_pg.base.listed_constraints d
JOIN rvbbit_pg.base.schemas s USING (database_name, schema_name)
JOIN rvbbit_pg.base.column_lists own USING (database_name, schema_name, table_name)
LEFT JOIN rvbbit_pg.base.schemas r ON r.database_name = d.database_name AND r.schema_name = d.referenced_schema
LEFT JOIN rvbbit_pg.base.column_lists theirs ON theirs.database_name = d.database_name
     AND theirs.schema_name = d.referenced_schema AND theirs.table_name = d.referenced_table
WHERE d.constraint_type <> 'FOREIGN KEY' OR theirs.names IS NOT NULL;

-- Indexes: those made by name and those behind keys. `items` are column names or parenthesised expressions.
CREATE VIEW rvbbit_pg.made.indexes AS
WITH listed AS (
    SELECT s.nspname, s.oid AS nspoid, d.table_name, d.index_name AS relname, nullif(d."comment", '[constraint]') AS "comment",
           d.is_unique AS indisunique, false AS indisprimary, own.names AS table_columns,
           rvbbit_pg.base.index_items(d.expressions) AS items
    FROM duckdb_indexes() d JOIN rvbbit_pg.base.schemas s USING (database_name, schema_name)
    JOIN rvbbit_pg.base.column_lists own USING (database_name, schema_name, table_name)
    UNION ALL
    SELECT nspname, nspoid, table_name, conname, NULL, true, constraint_type = 'PRIMARY KEY', table_columns, column_names
    FROM rvbbit_pg.base.constraints WHERE constraint_type IN ('PRIMARY KEY', 'UNIQUE') AND NOT indexed
)
SELECT listed.*, rvbbit_pg.base.oid_of('relation', nspname || '.' || table_name) AS indrelid,
       rvbbit_pg.base.oid_of('index', nspname || '.' || table_name || '.' || relname) AS indexrelid,
       list_transform(items, lambda item: coalesce(list_position(table_columns, item), 0)::SMALLINT) AS indkey,
       list_transform(items, lambda item: CASE WHEN list_contains(table_columns, item)
           THEN rvbbit_pg.base.quoted_name(item) ELSE item END) AS definitions
FROM listed;

-- Sequences and views' texts.
CREATE VIEW rvbbit_pg.made.sequences AS
SELECT s.nspname, s.oid AS nspoid, rvbbit_pg.base.oid_of('relation', s.nspname || '.' || q.sequence_name) AS oid, q.sequence_name,
       q.start_value, q.min_value, q.max_value, q.increment_by, q."cycle", q.last_value,
       CASE WHEN q."comment" NOT IN ('[identity a]', '[identity d]') THEN q."comment" END AS "comment", q."temporary"
FROM duckdb_sequences() q JOIN rvbbit_pg.base.schemas s USING (database_name, schema_name);

CREATE VIEW rvbbit_pg.made.view_definitions AS
SELECT s.nspname, v.view_name, rvbbit_pg.base.oid_of('relation', s.nspname || '.' || v.view_name) AS oid,
       ' ' || regexp_replace(v.sql, '^CREATE\s.*?\sAS\s+', '', 'is') AS definition
FROM duckdb_views() v JOIN rvbbit_pg.base.schemas s USING (database_name, schema_name)
WHERE NOT v.internal AND NOT starts_with(v.view_name, 'rvbbit_base_');

-- Every relation: tables, views, sequences, indexes.
CREATE VIEW rvbbit_pg.made.relations AS
SELECT rvbbit_pg.base.oid_of('relation', s.nspname || '.' || r.relname) AS oid, s.nspname, s.oid AS nspoid,
       r.relname, r.relkind, r."comment", r.natts, r.tuples, r.checks, r.indexed, r."temporary",
       (s.nspname, r.relname) IN (SELECT (nspname, unnest([table_name, referenced_table]))
                                  FROM rvbbit_pg.base.constraints WHERE constraint_type = 'FOREIGN KEY') AS triggered
FROM (
    SELECT database_name, schema_name, table_name AS relname, 'r' AS relkind,
           nullif(regexp_replace("comment", '\n?\[constraints \{.*\}\]$', '', 's'), '') AS "comment", column_count AS natts,
           estimated_size AS tuples, check_constraint_count AS checks,
           index_count > 0 OR has_primary_key AS indexed, "temporary"
    FROM duckdb_tables() WHERE NOT internal AND NOT starts_with(table_name, 'rvbbit_base_')
    UNION ALL
    SELECT database_name, schema_name, view_name, 'v', "comment", column_count, 0, 0, false, "temporary"
    FROM duckdb_views() WHERE NOT internal AND NOT starts_with(view_name, 'rvbbit_base_')
) r JOIN rvbbit_pg.base.schemas s USING (database_name, schema_name)
UNION ALL
SELECT oid, nspname, nspoid, sequence_name, 'S', "comment", 3, 1, 0, false, "temporary", false FROM rvbbit_pg.base.sequences
UNION ALL
SELECT indexrelid, nspname, nspoid, relname, 'i', "comment", len(items), 0, 0, false, nspname = 'pg_temp_1', false
FROM rvbbit_pg.base.indexes;

-- Functions the users have beside PostgreSQL's: their own macros, and the semantic operators under all their names.
CREATE VIEW rvbbit_pg.made.functions AS
SELECT rvbbit_pg.base.oid_of('function', s.nspname || '.' || m.function_name || '/' || len(m."parameters")) AS oid,
       s.nspname, s.oid AS nspoid, m.function_name AS proname, 14 AS prolang, m."comment" AS description,
       list_transform(m."parameters", lambda p: 2283::BIGINT) AS proargtypes, m."parameters" AS proargnames,
       2283 AS prorettype, m.macro_definition AS prosrc, m.function_type = 'table_macro' AS proretset, 'f' AS prokind
FROM duckdb_functions() m JOIN rvbbit_pg.base.schemas s USING (database_name, schema_name)
WHERE NOT m.internal AND m.function_type IN ('macro', 'table_macro') AND s.own
UNION ALL
SELECT rvbbit_pg.base.oid_of('function', 'rvbbit.' || proname), 'rvbbit', rvbbit_pg.base.oid_of('schema', 'rvbbit'),
       proname, rvbbit_pg.base.oid_of('language', 'cascade'), description,
       list_transform(arguments, lambda a: rvbbit_pg.base.sql_type_oid(regexp_replace(a, '^\S+ ', ''))),
       list_transform(arguments, lambda a: split_part(a, ' ', 1)), rvbbit_pg.base.sql_type_oid("returns"), cascade_id,
       shape = 'table', CASE shape WHEN 'aggregate' THEN 'a' ELSE 'f' END
FROM (SELECT unnest(list_distinct(list_prepend("name", names))) AS proname, string_split(arguments, ', ') AS arguments,
             "returns", shape, cascade_id, description FROM rvbbit_pg.base.operators);

-- Types made by users, and what they are called with their schema and without.
CREATE VIEW rvbbit_pg.made.user_types AS
SELECT *, rvbbit_pg.base.quoted_name(typname) || CASE WHEN is_array THEN '[]' ELSE '' END AS short_name,
       rvbbit_pg.base.quoted_name(nspname) || '.' || short_name AS name
FROM (SELECT oid, nspname, type_name AS typname, false AS is_array FROM rvbbit_pg.base.enums
      UNION ALL SELECT array_oid, nspname, type_name, true FROM rvbbit_pg.base.enums
      UNION ALL SELECT rvbbit_pg.base.oid_of('rowtype', nspname || '.' || relname), nspname, relname, false
                FROM rvbbit_pg.base.relations WHERE relkind IN ('r', 'v'));

-- Definitions of indexes and constraints, with schemas and without.
CREATE VIEW rvbbit_pg.made.index_texts AS
SELECT indexrelid, nspname, table_name, relname, definitions,
       rvbbit_pg.base.index_definition(indisunique, relname, nspname, table_name, definitions) AS definition,
       rvbbit_pg.base.index_definition(indisunique, relname, NULL, table_name, definitions) AS short_definition
FROM rvbbit_pg.base.indexes;

CREATE VIEW rvbbit_pg.made.constraint_texts AS
SELECT oid, coalesce(referenced_nspname, nspname) AS nspname,
       CASE WHEN constraint_type = 'CHECK' THEN 'CHECK (' || expression || ')' ELSE own_part END
       || coalesce(' REFERENCES ' || rvbbit_pg.base.quoted_name(referenced_nspname) || '.' || target, '') AS definition,
       CASE WHEN constraint_type = 'CHECK' THEN 'CHECK (' || expression || ')' ELSE own_part END
       || coalesce(' REFERENCES ' || target, '') AS short_definition
FROM (SELECT *, rvbbit_pg.base.oid_of('constraint', nspname || '.' || table_name || '.' || conname) AS oid,
             constraint_type || ' (' || rvbbit_pg.base.quoted_names(column_names) || ')' AS own_part,
             CASE WHEN constraint_type = 'FOREIGN KEY' THEN rvbbit_pg.base.quoted_name(referenced_table)
                  || '(' || rvbbit_pg.base.quoted_names(referenced_column_names) || ')'
                  || rvbbit_pg.base.key_action(' ON UPDATE ', confupdtype) || rvbbit_pg.base.key_action(' ON DELETE ', confdeltype)
                  || CASE WHEN condeferrable THEN ' DEFERRABLE' ELSE '' END
                  || CASE WHEN condeferred THEN ' INITIALLY DEFERRED' ELSE '' END END AS target
      FROM rvbbit_pg.base.constraints);

-- What functions print of themselves.
CREATE VIEW rvbbit_pg.made.function_texts AS
SELECT oid, nspname, proname, rvbbit_pg.base.argument_text(proargnames, proargtypes) AS arguments,
       rvbbit_pg.base.result_text(proretset, prorettype) AS result,
       rvbbit_pg.base.function_text(nspname, proname, arguments, result, CASE prolang WHEN 14 THEN 'sql' ELSE 'cascade' END, prosrc) AS definition
FROM rvbbit_pg.base.functions;
