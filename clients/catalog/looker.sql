-- Looker, Hex, Redash, Mode, Retool and other programs that read information_schema.

-- name: schemas
SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT LIKE 'pg\_%' AND schema_name IN ('public', 'sales', 'information_schema') ORDER BY 1;

-- name: tables with types
SELECT table_schema, table_name, table_type, is_typed FROM information_schema.tables WHERE table_schema IN ('public', 'sales') ORDER BY 1, 2;

-- name: columns with all their columns
SELECT * FROM information_schema.columns WHERE table_schema = 'public' AND table_name IN ('orders', 'order_lines', 'counted', 'Mixed Case', 'moods')
ORDER BY table_name, ordinal_position;

-- name: columns joined with comments
SELECT c.table_schema, c.table_name, c.column_name, c.data_type, pgd.description
FROM pg_catalog.pg_statio_all_tables AS st
INNER JOIN pg_catalog.pg_description pgd ON pgd.objoid = st.relid
RIGHT JOIN information_schema.columns c ON pgd.objsubid = c.ordinal_position AND c.table_schema = st.schemaname AND c.table_name = st.relname
WHERE c.table_schema IN ('public', 'sales');

-- name: keys
SELECT * FROM information_schema.key_column_usage WHERE table_schema IN ('public', 'sales') AND constraint_name NOT LIKE '%not_null';

-- name: constraints
SELECT * FROM information_schema.table_constraints WHERE table_schema IN ('public', 'sales') AND constraint_type <> 'CHECK';

-- name: checks by name
SELECT constraint_name FROM information_schema.table_constraints WHERE table_schema IN ('public') AND constraint_type = 'CHECK' AND constraint_name NOT LIKE '%\_not\_null';

-- name: not null as checks
SELECT count(*) FROM information_schema.table_constraints WHERE table_schema IN ('public') AND constraint_name LIKE '%\_not\_null';

-- name: references
SELECT * FROM information_schema.referential_constraints WHERE constraint_schema IN ('public', 'sales');

-- name: columns of constraints
SELECT * FROM information_schema.constraint_column_usage WHERE table_schema IN ('public', 'sales') AND table_name <> 'customers';

-- name: tables of constraints
SELECT * FROM information_schema.constraint_table_usage WHERE table_schema IN ('public', 'sales');

-- name: views
SELECT table_schema, table_name, view_definition IS NOT NULL AS defined, check_option FROM information_schema.views WHERE table_schema IN ('sales');

-- name: privileges
SELECT table_schema, table_name, privilege_type, is_grantable, with_hierarchy FROM information_schema.table_privileges WHERE table_schema IN ('public', 'sales') AND grantee = current_user;

-- name: role grants
SELECT table_schema, table_name, privilege_type FROM information_schema.role_table_grants WHERE table_schema IN ('public', 'sales');

-- name: sequences
SELECT sequence_catalog, sequence_schema, sequence_name, start_value, minimum_value, increment, cycle_option FROM information_schema.sequences;

-- name: routines
-- compare: columns
SELECT * FROM information_schema.routines WHERE routine_schema = 'public';

-- name: parameters
-- compare: columns
SELECT * FROM information_schema.parameters;

-- name: domains, triggers, foreign tables
SELECT (SELECT count(*) FROM information_schema.domains WHERE domain_schema = 'public') + (SELECT count(*) FROM information_schema.triggers)
     + (SELECT count(*) FROM information_schema.foreign_tables) + (SELECT count(*) FROM information_schema.user_defined_types) AS number;

-- name: roles
-- compare: columns
SELECT * FROM information_schema.enabled_roles;
SELECT * FROM information_schema.applicable_roles;

-- name: character sets
SELECT * FROM information_schema.character_sets;

-- name: catalog name
SELECT * FROM information_schema.information_schema_catalog_name;

-- name: user-defined types' elements
SELECT object_name, collection_type_identifier, data_type, udt_name FROM information_schema.element_types WHERE object_schema = 'public' AND object_type = 'TABLE';

-- name: what views read
SELECT * FROM information_schema.view_table_usage WHERE view_schema IN ('public', 'sales');

-- name: columns that views read
-- compare: columns
SELECT * FROM information_schema.view_column_usage WHERE view_schema IN ('public', 'sales');

-- name: running statements
SELECT count(*) > 0 AS seen FROM pg_stat_activity WHERE query LIKE '%pg_stat_activity%' AND pid = pg_backend_pid();

-- name: version for features
SELECT current_setting('server_version_num')::integer >= 90600 AS new, current_setting('is_superuser') AS super, current_setting('server_encoding') AS encoding;

-- name: writing scratch tables
CREATE TABLE IF NOT EXISTS sales.connection_test (test text);
DROP TABLE IF EXISTS sales.connection_test;
