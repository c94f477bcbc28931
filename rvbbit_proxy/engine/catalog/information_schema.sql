-- The contents of information_schema, over our pg_catalog; filled in by name as in `relations.sql`.

CREATE VIEW rvbbit_pg.base.relation_kinds AS
SELECT c.oid, c.relname, c.relkind, n.nspname, c.relnamespace, c.relpersistence, c.reltype
FROM rvbbit_pg.pg.pg_class c JOIN rvbbit_pg.pg.pg_namespace n ON n.oid = c.relnamespace;

CREATE VIEW rvbbit_pg.rows.information_schema_catalog_name AS
SELECT rvbbit_pg.base.session_database() AS catalog_name;

CREATE VIEW rvbbit_pg.rows.schemata AS
SELECT rvbbit_pg.base.session_database() AS catalog_name, nspname AS schema_name,
       rvbbit_pg.base.owner_name() AS schema_owner
FROM rvbbit_pg.pg.pg_namespace;

CREATE VIEW rvbbit_pg.rows.tables AS
SELECT rvbbit_pg.base.session_database() AS table_catalog, nspname AS table_schema, relname AS table_name,
       CASE WHEN relkind = 'v' THEN 'VIEW' WHEN relpersistence = 't' THEN 'LOCAL TEMPORARY' ELSE 'BASE TABLE' END AS table_type,
       CASE relkind WHEN 'v' THEN 'NO' ELSE 'YES' END AS is_insertable_into, 'NO' AS is_typed
FROM rvbbit_pg.base.relation_kinds WHERE relkind IN ('r', 'v');

CREATE VIEW rvbbit_pg.rows.views AS
SELECT rvbbit_pg.base.session_database() AS table_catalog, schemaname AS table_schema, viewname AS table_name,
       definition AS view_definition, 'NONE' AS check_option, 'NO' AS is_updatable, 'NO' AS is_insertable_into,
       'NO' AS is_trigger_updatable, 'NO' AS is_trigger_deletable, 'NO' AS is_trigger_insertable_into
FROM rvbbit_pg.pg.pg_views;

-- In the order PostgreSQL stores them: some clients ask for none.
CREATE VIEW rvbbit_pg.rows.columns AS
SELECT rvbbit_pg.base.session_database() AS table_catalog, c.nspname AS table_schema, c.relname AS table_name,
       a.attname AS column_name, a.attnum AS ordinal_position, d.adbin AS column_default,
       CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END AS is_nullable,
       CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN 'ARRAY' WHEN t.typtype = 'e' THEN 'USER-DEFINED'
            ELSE coalesce(names.sql_name, t.typname) END AS data_type,
       CASE WHEN a.atttypmod < 0 THEN NULL WHEN a.atttypid IN (1042, 1043) THEN a.atttypmod - 4
            WHEN a.atttypid IN (1560, 1562) THEN a.atttypmod END AS character_maximum_length,
       CASE WHEN a.atttypid IN (1042, 1043) AND a.atttypmod > 4 THEN (a.atttypmod - 4) * 4
            WHEN a.atttypid IN (25, 1042, 1043) THEN 1073741824 END AS character_octet_length,
       CASE a.atttypid WHEN 21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 WHEN 700 THEN 24 WHEN 701 THEN 53
            WHEN 1700 THEN CASE WHEN a.atttypmod > 0 THEN (a.atttypmod - 4) >> 16 END END AS numeric_precision,
       CASE WHEN a.atttypid IN (21, 23, 20, 700, 701) THEN 2 WHEN a.atttypid = 1700 THEN 10 END AS numeric_precision_radix,
       CASE WHEN a.atttypid IN (21, 23, 20) THEN 0
            WHEN a.atttypid = 1700 AND a.atttypmod > 0 THEN (a.atttypmod - 4) & 65535 END AS numeric_scale,
       CASE WHEN a.atttypid = 1082 THEN 0 WHEN a.atttypid IN (1083, 1114, 1184, 1266) AND a.atttypmod >= 0 THEN a.atttypmod
            WHEN a.atttypid IN (1083, 1114, 1184, 1186, 1266) THEN 6 END AS datetime_precision,
       rvbbit_pg.base.session_database() AS udt_catalog, tn.nspname AS udt_schema, t.typname AS udt_name,
       CAST(a.attnum AS VARCHAR) AS dtd_identifier, 'NO' AS is_self_referencing,
       CASE a.attidentity WHEN '' THEN 'NO' ELSE 'YES' END AS is_identity,
       CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END AS identity_generation,
       'NO' AS identity_cycle, CASE a.attgenerated WHEN 's' THEN 'ALWAYS' ELSE 'NEVER' END AS is_generated,
       CASE a.attgenerated WHEN 's' THEN d.adbin END AS generation_expression,
       CASE c.relkind WHEN 'r' THEN 'YES' ELSE 'NO' END AS is_updatable
FROM rvbbit_pg.pg.pg_attribute a
JOIN rvbbit_pg.base.relation_kinds c ON c.oid = a.attrelid AND c.relkind IN ('r', 'v')
JOIN rvbbit_pg.pg.pg_type t ON t.oid = a.atttypid
JOIN rvbbit_pg.pg.pg_namespace tn ON tn.oid = t.typnamespace
LEFT JOIN rvbbit_pg.base.type_sql_names names ON names.oid = t.oid
LEFT JOIN rvbbit_pg.pg.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0
ORDER BY c.nspname, c.relname, a.attnum;

CREATE VIEW rvbbit_pg.rows.table_constraints AS
SELECT rvbbit_pg.base.session_database() AS constraint_catalog, nspname AS constraint_schema, conname AS constraint_name,
       rvbbit_pg.base.session_database() AS table_catalog, nspname AS table_schema, table_name, constraint_type,
       CASE WHEN condeferrable THEN 'YES' ELSE 'NO' END AS is_deferrable,
       CASE WHEN condeferred THEN 'YES' ELSE 'NO' END AS initially_deferred, 'YES' AS enforced,
       CASE constraint_type WHEN 'UNIQUE' THEN 'YES' END AS nulls_distinct
FROM rvbbit_pg.base.constraints
UNION ALL BY NAME
SELECT rvbbit_pg.base.session_database() AS constraint_catalog, nspname AS constraint_schema,
       nspoid || '_' || attrelid || '_' || column_index || '_not_null' AS constraint_name,
       rvbbit_pg.base.session_database() AS table_catalog, nspname AS table_schema, table_name,
       'CHECK' AS constraint_type, 'NO' AS is_deferrable, 'NO' AS initially_deferred, 'YES' AS enforced
FROM rvbbit_pg.base.columns WHERE NOT is_nullable;

CREATE VIEW rvbbit_pg.rows.element_types AS
SELECT rvbbit_pg.base.session_database() AS object_catalog, c.nspname AS object_schema, c.relname AS object_name,
       'TABLE' AS object_type, CAST(a.attnum AS VARCHAR) AS collection_type_identifier,
       coalesce(names.sql_name, CASE e.typtype WHEN 'e' THEN 'USER-DEFINED' ELSE e.typname END) AS data_type,
       rvbbit_pg.base.session_database() AS udt_catalog, n.nspname AS udt_schema, e.typname AS udt_name,
       'a' || a.attnum AS dtd_identifier
FROM rvbbit_pg.pg.pg_attribute a
JOIN rvbbit_pg.base.relation_kinds c ON c.oid = a.attrelid AND c.relkind IN ('r', 'v')
JOIN rvbbit_pg.pg.pg_type t ON t.oid = a.atttypid AND t.typelem <> 0 AND t.typlen = -1
JOIN rvbbit_pg.pg.pg_type e ON e.oid = t.typelem
JOIN rvbbit_pg.pg.pg_namespace n ON n.oid = e.typnamespace
LEFT JOIN rvbbit_pg.base.type_sql_names names ON names.oid = e.oid
WHERE a.attnum > 0;

CREATE VIEW rvbbit_pg.rows.key_column_usage AS
SELECT rvbbit_pg.base.session_database() AS constraint_catalog, nspname AS constraint_schema, conname AS constraint_name,
       rvbbit_pg.base.session_database() AS table_catalog, nspname AS table_schema, table_name,
       unnest(column_names) AS column_name, generate_subscripts(column_names, 1) AS ordinal_position,
       CASE constraint_type WHEN 'FOREIGN KEY' THEN generate_subscripts(column_names, 1) END AS position_in_unique_constraint
FROM rvbbit_pg.base.constraints WHERE constraint_type IN ('PRIMARY KEY', 'UNIQUE', 'FOREIGN KEY');

CREATE VIEW rvbbit_pg.rows.constraint_column_usage AS
SELECT rvbbit_pg.base.session_database() AS table_catalog, CASE constraint_type WHEN 'FOREIGN KEY' THEN referenced_nspname ELSE nspname END AS table_schema,
       CASE constraint_type WHEN 'FOREIGN KEY' THEN referenced_table ELSE table_name END AS table_name,
       unnest(CASE constraint_type WHEN 'FOREIGN KEY' THEN referenced_column_names ELSE column_names END) AS column_name,
       rvbbit_pg.base.session_database() AS constraint_catalog, nspname AS constraint_schema, conname AS constraint_name
FROM rvbbit_pg.base.constraints;

CREATE VIEW rvbbit_pg.rows.constraint_table_usage AS
SELECT rvbbit_pg.base.session_database() AS table_catalog, CASE constraint_type WHEN 'FOREIGN KEY' THEN referenced_nspname ELSE nspname END AS table_schema,
       CASE constraint_type WHEN 'FOREIGN KEY' THEN referenced_table ELSE table_name END AS table_name,
       rvbbit_pg.base.session_database() AS constraint_catalog, nspname AS constraint_schema, conname AS constraint_name
FROM rvbbit_pg.base.constraints WHERE constraint_type <> 'CHECK';

CREATE VIEW rvbbit_pg.rows.referential_constraints AS
SELECT rvbbit_pg.base.session_database() AS constraint_catalog, f.nspname AS constraint_schema, f.conname AS constraint_name,
       rvbbit_pg.base.session_database() AS unique_constraint_catalog, f.referenced_nspname AS unique_constraint_schema,
       k.conname AS unique_constraint_name, 'NONE' AS match_option,
       rvbbit_pg.base.key_rule(f.confupdtype) AS update_rule, rvbbit_pg.base.key_rule(f.confdeltype) AS delete_rule
FROM rvbbit_pg.base.constraints f
LEFT JOIN rvbbit_pg.base.constraints k ON k.conrelid = f.confrelid AND k.constraint_type IN ('PRIMARY KEY', 'UNIQUE')
     AND k.column_names = f.referenced_column_names
WHERE f.constraint_type = 'FOREIGN KEY';

CREATE VIEW rvbbit_pg.rows.check_constraints AS
SELECT rvbbit_pg.base.session_database() AS constraint_catalog, nspname AS constraint_schema, conname AS constraint_name,
       expression AS check_clause
FROM rvbbit_pg.base.constraints WHERE constraint_type = 'CHECK'
UNION ALL
SELECT rvbbit_pg.base.session_database(), nspname, nspoid || '_' || attrelid || '_' || column_index || '_not_null',
       column_name || ' IS NOT NULL'
FROM rvbbit_pg.base.columns WHERE NOT is_nullable;

CREATE VIEW rvbbit_pg.rows.sequences AS
SELECT rvbbit_pg.base.session_database() AS sequence_catalog, schemaname AS sequence_schema, sequencename AS sequence_name,
       'bigint' AS data_type, 64 AS numeric_precision, 2 AS numeric_precision_radix, 0 AS numeric_scale,
       CAST(start_value AS VARCHAR) AS start_value, CAST(min_value AS VARCHAR) AS minimum_value,
       CAST(max_value AS VARCHAR) AS maximum_value, CAST(increment_by AS VARCHAR) AS "increment",
       CASE WHEN "cycle" THEN 'YES' ELSE 'NO' END AS cycle_option
FROM rvbbit_pg.pg.pg_sequences;

CREATE VIEW rvbbit_pg.rows.routines AS
SELECT rvbbit_pg.base.session_database() AS specific_catalog, n.nspname AS specific_schema,
       p.proname || '_' || p.oid AS specific_name, rvbbit_pg.base.session_database() AS routine_catalog,
       n.nspname AS routine_schema, p.proname AS routine_name, 'FUNCTION' AS routine_type,
       coalesce(names.sql_name, t.typname) AS data_type, t.typname AS type_udt_name, 'pg_catalog' AS type_udt_schema,
       'EXTERNAL' AS routine_body, p.prosrc AS routine_definition, upper(l.lanname) AS external_language, '0' AS dtd_identifier
FROM rvbbit_pg.pg.pg_proc p JOIN rvbbit_pg.pg.pg_namespace n ON n.oid = p.pronamespace
LEFT JOIN rvbbit_pg.pg.pg_type t ON t.oid = p.prorettype
LEFT JOIN rvbbit_pg.pg.pg_language l ON l.oid = p.prolang
LEFT JOIN rvbbit_pg.base.type_sql_names names ON names.oid = p.prorettype
WHERE p.prokind IN ('f', 'p');

CREATE VIEW rvbbit_pg.rows."parameters" AS
SELECT rvbbit_pg.base.session_database() AS specific_catalog, p.nspname AS specific_schema,
       p.proname || '_' || p.oid AS specific_name, p.n AS ordinal_position, 'IN' AS parameter_mode, 'NO' AS is_result,
       'NO' AS as_locator, p.argname AS parameter_name, coalesce(names.sql_name, t.typname) AS data_type,
       t.typname AS udt_name, 'pg_catalog' AS udt_schema
FROM (SELECT oid, proname, nspname, unnest(proargtypes) AS argtype, unnest(proargnames) AS argname,
             generate_subscripts(proargtypes, 1) AS n FROM rvbbit_pg.base.functions) p
LEFT JOIN rvbbit_pg.pg.pg_type t ON t.oid = p.argtype
LEFT JOIN rvbbit_pg.base.type_sql_names names ON names.oid = p.argtype;

CREATE VIEW rvbbit_pg.rows.character_sets AS
SELECT 'UTF8' AS character_set_name, 'UCS' AS character_repertoire, 'UTF8' AS form_of_use,
       rvbbit_pg.base.session_database() AS default_collate_catalog;

CREATE VIEW rvbbit_pg.rows.collations AS
SELECT rvbbit_pg.base.session_database() AS collation_catalog, 'pg_catalog' AS collation_schema,
       collname AS collation_name, 'NO PAD' AS pad_attribute
FROM rvbbit_pg.pg.pg_collation;

CREATE VIEW rvbbit_pg.rows.enabled_roles AS SELECT rolname AS role_name FROM rvbbit_pg.pg.pg_authid;
CREATE VIEW rvbbit_pg.rows.applicable_roles AS
SELECT rvbbit_pg.base.session_user() AS grantee, rolname AS role_name, 'YES' AS is_grantable
FROM rvbbit_pg.pg.pg_authid WHERE NOT rolcanlogin;

CREATE VIEW rvbbit_pg.rows.table_privileges AS
SELECT rvbbit_pg.base.session_user() AS grantor, rvbbit_pg.base.session_user() AS grantee,
       rvbbit_pg.base.session_database() AS table_catalog, nspname AS table_schema, relname AS table_name,
       privilege_type, 'YES' AS is_grantable, CASE privilege_type WHEN 'SELECT' THEN 'YES' ELSE 'NO' END AS with_hierarchy
FROM rvbbit_pg.base.relation_kinds,
     (VALUES ('INSERT'), ('SELECT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')) p(privilege_type)
WHERE relkind IN ('r', 'v') AND (privilege_type = 'SELECT' OR nspname NOT IN ('rvbbit', 'pg_catalog', 'information_schema'));
CREATE VIEW rvbbit_pg.rows.role_table_grants AS SELECT * FROM rvbbit_pg.rows.table_privileges;

CREATE VIEW rvbbit_pg.rows.column_privileges AS
SELECT p.grantor, p.grantee, p.table_catalog, p.table_schema, p.table_name, c.column_name, p.privilege_type, p.is_grantable
FROM rvbbit_pg.rows.table_privileges p JOIN rvbbit_pg.rows.columns c USING (table_schema, table_name)
WHERE p.privilege_type IN ('INSERT', 'SELECT', 'UPDATE', 'REFERENCES');
CREATE VIEW rvbbit_pg.rows.role_column_grants AS SELECT * FROM rvbbit_pg.rows.column_privileges;

CREATE VIEW rvbbit_pg.rows.view_table_usage AS
SELECT rvbbit_pg.base.session_database() AS view_catalog, v.nspname AS view_schema, v.relname AS view_name,
       rvbbit_pg.base.session_database() AS table_catalog, t.nspname AS table_schema, t.relname AS table_name
FROM rvbbit_pg.pg.pg_depend d JOIN rvbbit_pg.pg.pg_rewrite r ON r.oid = d.objid AND d.classid = 2618
JOIN rvbbit_pg.base.relation_kinds v ON v.oid = r.ev_class
JOIN rvbbit_pg.base.relation_kinds t ON t.oid = d.refobjid
WHERE d.deptype = 'n';
