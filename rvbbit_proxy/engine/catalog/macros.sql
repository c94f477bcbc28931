-- PostgreSQL's functions over the catalogs, and those DuckDB lacks. Statements are rewritten to call them by their
-- full name, `rvbbit_pg.pg.*`. What is said of privileges is yes: the proxy's users own what they see.
-- DuckDB puts a macro's arguments into its text: a column there must have a name that no argument has, so the
-- look-ups go through views whose columns begin with `rv_`.

CREATE VIEW rvbbit_pg.base.type_lookup AS
SELECT oid AS rv_oid, name AS rv_text FROM rvbbit_pg.base.user_type_names
UNION ALL SELECT oid, sql_name FROM rvbbit_pg.base.type_sql_names;
CREATE VIEW rvbbit_pg.base.type_word_lookup AS
SELECT word AS rv_word, oid AS rv_oid FROM rvbbit_pg.base.type_words
UNION ALL SELECT unnest([typname, nspname || '.' || typname]) || CASE WHEN is_array THEN '[]' ELSE '' END, oid
FROM rvbbit_pg.base.user_type_names;
CREATE VIEW rvbbit_pg.base.relation_lookup AS
SELECT oid AS rv_oid, nspname AS rv_nspname, relname AS rv_name,
       nspname IN ('pg_catalog', 'pg_temp_1') OR list_contains(rvbbit_pg.base.search_path(), nspname) AS rv_visible
FROM rvbbit_pg.base.relation_names;
CREATE VIEW rvbbit_pg.base.table_lookup AS
SELECT oid AS rv_oid, tuples AS rv_tuples FROM rvbbit_pg.base.relations WHERE relkind = 'r';
CREATE VIEW rvbbit_pg.base.namespace_lookup AS SELECT oid AS rv_oid, nspname AS rv_name FROM rvbbit_pg.pg.pg_namespace;
CREATE VIEW rvbbit_pg.base.role_lookup AS SELECT oid AS rv_oid, rolname AS rv_name FROM rvbbit_pg.pg.pg_authid;
CREATE VIEW rvbbit_pg.base.type_namespace_lookup AS
SELECT oid AS rv_oid, list_contains(rvbbit_pg.base.search_path(), nspname) AS rv_visible FROM
       rvbbit_pg.base.user_types
UNION ALL SELECT oid, true FROM rvbbit_pg.base.system_types
UNION ALL SELECT reltype, nspname = 'pg_catalog' FROM rvbbit_pg.base.system_relations;
CREATE VIEW rvbbit_pg.base.function_lookup AS
SELECT oid AS rv_oid, proname AS rv_name,
       nspname IN ('pg_catalog', 'rvbbit') OR list_contains(rvbbit_pg.base.search_path(), nspname) AS rv_visible,
       arguments AS rv_arguments, result AS rv_result, definition AS rv_text
FROM (FROM rvbbit_pg.base.function_texts UNION ALL FROM rvbbit_pg.base.system_function_texts);
CREATE VIEW rvbbit_pg.base.operator_lookup AS
SELECT o.oid AS rv_oid, o.oprname AS rv_name,
       o.oprname || '(' || coalesce(l.sql_name, 'NONE') || ',' || coalesce(r.sql_name, 'NONE') || ')' AS rv_text
FROM rvbbit_pg.pg.pg_operator o LEFT JOIN rvbbit_pg.base.type_sql_names l ON l.oid = o.oprleft
LEFT JOIN rvbbit_pg.base.type_sql_names r ON r.oid = o.oprright;
CREATE VIEW rvbbit_pg.base.view_lookup AS SELECT oid AS rv_oid, definition AS rv_text FROM rvbbit_pg.base.view_definitions;
CREATE VIEW rvbbit_pg.base.index_lookup AS
SELECT indexrelid AS rv_oid, definitions AS rv_items, definition AS rv_text,
       CASE WHEN list_contains(rvbbit_pg.base.search_path(), nspname) THEN short_definition ELSE definition END AS rv_pretty
FROM rvbbit_pg.base.index_texts;
CREATE VIEW rvbbit_pg.base.constraint_lookup AS
SELECT oid AS rv_oid,
       CASE WHEN list_contains(rvbbit_pg.base.search_path(), nspname) THEN short_definition ELSE definition END AS rv_text,
       CASE WHEN starts_with(rv_text, 'CHECK ((') THEN 'CHECK ' || rv_text[8:-2] ELSE rv_text END AS rv_pretty
FROM rvbbit_pg.base.constraint_texts;
CREATE VIEW rvbbit_pg.base.description_lookup AS
SELECT d.objoid AS rv_oid, d.objsubid AS rv_column, s.relname AS rv_catalog, d.description AS rv_text
FROM rvbbit_pg.pg.pg_description d JOIN rvbbit_pg.base.system_relations s ON s.oid = d.classoid AND s.nspname = 'pg_catalog';
CREATE VIEW rvbbit_pg.base.default_lookup AS
SELECT attrelid AS rv_oid, column_name AS rv_name, rvbbit_pg.base.quoted_name(nspname) || '.'
       || rvbbit_pg.base.quoted_name(regexp_extract(column_default, '([^''".]+)"?''\)$', 1)) AS rv_text
FROM rvbbit_pg.base.columns WHERE starts_with(column_default, 'nextval(');
CREATE VIEW rvbbit_pg.base.setting_lookup AS SELECT lower(name) AS rv_name, setting AS rv_text FROM rvbbit_pg.pg.pg_settings;
CREATE VIEW rvbbit_pg.base.temp_schema_lookup AS SELECT oid AS rv_oid FROM rvbbit_pg.base.schemas WHERE "temporary";

-- names and types
CREATE MACRO rvbbit_pg.pg.format_type(type_oid, typmod) AS
    CASE WHEN type_oid IS NULL THEN NULL
         WHEN type_oid = 0 THEN '-'
         WHEN type_oid = 1700 AND typmod > 0
              THEN 'numeric(' || ((typmod - 4) >> 16) || ',' || ((typmod - 4) & 65535) || ')'
         WHEN type_oid = 1042 AND typmod = -1 THEN 'bpchar'
         WHEN typmod >= 0 AND type_oid IN (1043, 1042, 1560, 1562, 1083, 1266, 1114, 1184, 1015, 1014, 1561, 1563, 1115, 1185)
              THEN rvbbit_pg.base.sized_type_name(type_oid, typmod)
         ELSE coalesce((SELECT any_value(rv_text) FROM rvbbit_pg.base.type_lookup WHERE rv_oid = type_oid), '???') END;
CREATE MACRO rvbbit_pg.pg.regclass_out(relation_oid) AS
    coalesce((SELECT any_value(CASE WHEN rv_visible THEN '' ELSE rvbbit_pg.base.quoted_name(rv_nspname) || '.' END
             || rvbbit_pg.base.quoted_name(rv_name)) FROM rvbbit_pg.base.relation_lookup WHERE rv_oid = relation_oid),
             rvbbit_pg.base.shown_oid(relation_oid));
CREATE MACRO rvbbit_pg.pg.to_regclass(wanted) AS
    coalesce(TRY_CAST(wanted AS BIGINT),
    (SELECT arg_min(rv_oid, CASE WHEN rv_nspname = 'pg_temp_1' THEN 0 WHEN rv_nspname = 'pg_catalog' THEN 1
                                 ELSE coalesce(1 + list_position(rvbbit_pg.base.search_path(), rv_nspname), 99) END)
     FROM (SELECT rvbbit_pg.base.name_parts(wanted) AS rv_parts) JOIN rvbbit_pg.base.relation_lookup
       ON rv_name = rv_parts[-1]
       AND CASE WHEN len(rv_parts) > 1
                THEN rv_nspname = CASE rv_parts[-2] WHEN 'main' THEN 'public' WHEN 'temp' THEN 'pg_temp_1' ELSE rv_parts[-2] END
                ELSE rv_visible OR rv_nspname = 'rvbbit' END));
CREATE MACRO rvbbit_pg.pg.regclass_in(wanted) AS
    coalesce(rvbbit_pg.pg.to_regclass(wanted), error('relation "' || wanted || '" does not exist'));
CREATE MACRO rvbbit_pg.pg.to_regtype(wanted) AS
    coalesce(TRY_CAST(wanted AS BIGINT),
        (SELECT min(rv_oid) FROM (SELECT rvbbit_pg.base.type_word(wanted) AS rv_wanted) JOIN rvbbit_pg.base.type_word_lookup ON rv_word = rv_wanted));
CREATE MACRO rvbbit_pg.pg.regtype_in(wanted) AS
    coalesce(rvbbit_pg.pg.to_regtype(wanted), error('type "' || wanted || '" does not exist'));
CREATE MACRO rvbbit_pg.pg.regtype_out(type_oid) AS
    coalesce((SELECT any_value(rv_text) FROM rvbbit_pg.base.type_lookup WHERE rv_oid = type_oid), rvbbit_pg.base.shown_oid(type_oid));
CREATE MACRO rvbbit_pg.pg.to_regproc(wanted) AS
    coalesce(TRY_CAST(wanted AS BIGINT), CASE wanted WHEN '-' THEN 0 END,
        (SELECT min(rv_oid) FROM rvbbit_pg.base.function_lookup
         WHERE rv_name = rvbbit_pg.base.name_parts(split_part(wanted, '(', 1))[-1]));
CREATE MACRO rvbbit_pg.pg.regproc_in(wanted) AS
    coalesce(rvbbit_pg.pg.to_regproc(wanted), error('function "' || wanted || '" does not exist'));
CREATE MACRO rvbbit_pg.pg.regproc_out(function_oid) AS
    coalesce((SELECT any_value(rv_name) FROM rvbbit_pg.base.function_lookup WHERE rv_oid = function_oid),
             rvbbit_pg.base.shown_oid(function_oid));
CREATE MACRO rvbbit_pg.pg.to_regoper(wanted) AS
    coalesce(TRY_CAST(wanted AS BIGINT), (SELECT min(rv_oid) FROM rvbbit_pg.base.operator_lookup
        WHERE rv_name = regexp_replace(wanted, '^pg_catalog\.|\(.*$', '', 'g')));
CREATE MACRO rvbbit_pg.pg.regoper_in(wanted) AS
    coalesce(rvbbit_pg.pg.to_regoper(wanted), error('operator "' || wanted || '" does not exist'));
CREATE MACRO rvbbit_pg.pg.regoper_out(operator_oid) AS
    coalesce((SELECT any_value(rv_name) FROM rvbbit_pg.base.operator_lookup WHERE rv_oid = operator_oid),
             rvbbit_pg.base.shown_oid(operator_oid));
CREATE MACRO rvbbit_pg.pg.regoperator_in(wanted) AS rvbbit_pg.pg.regoper_in(wanted);
CREATE MACRO rvbbit_pg.pg.regoperator_out(operator_oid) AS
    coalesce((SELECT any_value(rv_text) FROM rvbbit_pg.base.operator_lookup WHERE rv_oid = operator_oid),
             rvbbit_pg.base.shown_oid(operator_oid));
CREATE MACRO rvbbit_pg.pg.to_regnamespace(wanted) AS
    coalesce(TRY_CAST(wanted AS BIGINT), (SELECT min(rv_oid) FROM rvbbit_pg.base.namespace_lookup
        WHERE rv_name = CASE rvbbit_pg.base.name_parts(wanted)[-1] WHEN 'main' THEN 'public'
                        ELSE rvbbit_pg.base.name_parts(wanted)[-1] END));
CREATE MACRO rvbbit_pg.pg.regnamespace_in(wanted) AS
    coalesce(rvbbit_pg.pg.to_regnamespace(wanted), error('schema "' || wanted || '" does not exist'));
CREATE MACRO rvbbit_pg.pg.regnamespace_out(schema_oid) AS coalesce((SELECT any_value(rv_name) FROM rvbbit_pg.base.namespace_lookup WHERE rv_oid = schema_oid), schema_oid::VARCHAR);
CREATE MACRO rvbbit_pg.pg.pg_get_userbyid(role_oid) AS
    coalesce((SELECT any_value(rv_name) FROM rvbbit_pg.base.role_lookup WHERE rv_oid = role_oid), 'unknown (OID=' || role_oid || ')');
CREATE MACRO rvbbit_pg.pg.regrole_in(wanted) AS
    coalesce(TRY_CAST(wanted AS BIGINT),
        (SELECT min(rv_oid) FROM rvbbit_pg.base.role_lookup WHERE rv_name = rvbbit_pg.base.name_parts(wanted)[-1]));
CREATE MACRO rvbbit_pg.pg.regrole_out(role_oid) AS rvbbit_pg.pg.pg_get_userbyid(role_oid);

-- visibility
CREATE MACRO rvbbit_pg.pg.pg_table_is_visible(relation_oid) AS
    (SELECT any_value(rv_visible) FROM rvbbit_pg.base.relation_lookup WHERE rv_oid = relation_oid);
CREATE MACRO rvbbit_pg.pg.pg_type_is_visible(type_oid) AS
    (SELECT any_value(rv_visible) FROM rvbbit_pg.base.type_namespace_lookup WHERE rv_oid = type_oid);
CREATE MACRO rvbbit_pg.pg.pg_function_is_visible(function_oid) AS
    (SELECT any_value(rv_visible) FROM rvbbit_pg.base.function_lookup WHERE rv_oid = function_oid);
CREATE MACRO rvbbit_pg.pg.pg_operator_is_visible(x) AS true;
CREATE MACRO rvbbit_pg.pg.pg_collation_is_visible(x) AS true;
CREATE MACRO rvbbit_pg.pg.pg_opclass_is_visible(x) AS true;
CREATE MACRO rvbbit_pg.pg.pg_opfamily_is_visible(x) AS true;
CREATE MACRO rvbbit_pg.pg.pg_conversion_is_visible(x) AS true;
CREATE MACRO rvbbit_pg.pg.pg_statistics_obj_is_visible(x) AS true;
CREATE MACRO rvbbit_pg.pg.pg_ts_config_is_visible(x) AS true;
CREATE MACRO rvbbit_pg.pg.pg_ts_dict_is_visible(x) AS true;
CREATE MACRO rvbbit_pg.pg.pg_ts_parser_is_visible(x) AS true;
CREATE MACRO rvbbit_pg.pg.pg_ts_template_is_visible(x) AS true;
CREATE MACRO rvbbit_pg.pg.current_schemas(implicit) AS
    CASE WHEN implicit THEN list_prepend('pg_catalog', rvbbit_pg.base.search_path()) ELSE rvbbit_pg.base.search_path() END;
CREATE MACRO rvbbit_pg.pg.current_schema() AS rvbbit_pg.base.search_path()[1];
CREATE MACRO rvbbit_pg.pg.pg_my_temp_schema() AS coalesce((SELECT min(rv_oid) FROM rvbbit_pg.base.temp_schema_lookup), 0);
CREATE MACRO rvbbit_pg.pg.pg_is_other_temp_schema(x) AS false;

-- the session
CREATE MACRO rvbbit_pg.pg.current_user() AS rvbbit_pg.base.session_user();
CREATE MACRO rvbbit_pg.pg.current_database() AS rvbbit_pg.base.session_database();
CREATE MACRO rvbbit_pg.pg.pg_backend_pid() AS rvbbit_pg.base.session_pid();
CREATE MACRO rvbbit_pg.pg.version() AS
    'PostgreSQL 16.4 (rvbbit-proxy over DuckDB ' || rvbbit_pg.base.version_of_duckdb() || ')';
CREATE MACRO rvbbit_pg.pg.inet_server_addr() AS NULL::VARCHAR;
CREATE MACRO rvbbit_pg.pg.inet_server_port() AS NULL::INTEGER;
CREATE MACRO rvbbit_pg.pg.inet_client_addr() AS NULL::VARCHAR;
CREATE MACRO rvbbit_pg.pg.inet_client_port() AS NULL::INTEGER;
CREATE MACRO rvbbit_pg.pg.pg_is_in_recovery() AS false;
CREATE MACRO rvbbit_pg.pg.pg_is_wal_replay_paused() AS false;
CREATE MACRO rvbbit_pg.pg.pg_postmaster_start_time() AS (SELECT started FROM rvbbit_pg.base.process);
CREATE MACRO rvbbit_pg.pg.pg_conf_load_time() AS (SELECT started FROM rvbbit_pg.base.process);
CREATE MACRO rvbbit_pg.pg.pg_current_xact_id() AS txid_current();
CREATE MACRO rvbbit_pg.pg.transaction_age(x) AS greatest(txid_current()::BIGINT - x::BIGINT, 0);
CREATE MACRO rvbbit_pg.pg.txid_current_if_assigned() AS NULL::BIGINT;
CREATE MACRO rvbbit_pg.pg.txid_snapshot_xmin(x) AS 0;
CREATE MACRO rvbbit_pg.pg.pg_stat_get_numscans(x) AS 0;
CREATE MACRO rvbbit_pg.pg.pg_blocking_pids(x) AS []::INTEGER[];
CREATE MACRO rvbbit_pg.pg.pg_advisory_unlock_all() AS NULL::VARCHAR;
CREATE MACRO rvbbit_pg.pg.pg_encoding_to_char(x) AS CASE x WHEN 6 THEN 'UTF8' WHEN 0 THEN 'SQL_ASCII' ELSE '' END;
CREATE MACRO rvbbit_pg.pg.pg_char_to_encoding(x) AS
    CASE WHEN upper(replace(replace(x, '-', ''), '_', '')) IN ('UTF8', 'UNICODE') THEN 6 ELSE -1 END;
CREATE MACRO rvbbit_pg.pg.getdatabaseencoding() AS 'UTF8';
CREATE MACRO rvbbit_pg.pg.pg_client_encoding() AS 'UTF8';
CREATE MACRO rvbbit_pg.pg.pg_get_keywords() AS TABLE
    SELECT keyword_name AS word,
           CASE keyword_category WHEN 'reserved' THEN 'R' WHEN 'column_name' THEN 'C' WHEN 'type_function' THEN 'T' ELSE 'U' END AS catcode,
           keyword_category <> 'reserved' AS barelabel,
           CASE keyword_category WHEN 'reserved' THEN 'reserved' WHEN 'column_name' THEN 'unreserved (cannot be function or type name)'
                WHEN 'type_function' THEN 'reserved (can be function or type name)' ELSE 'unreserved' END AS catdesc,
           'can be bare label' AS baredesc
    FROM duckdb_keywords();

-- definitions
CREATE MACRO rvbbit_pg.pg.pg_get_expr(expression, relation_oid) AS expression, (expression, relation_oid, pretty) AS expression;
CREATE MACRO rvbbit_pg.pg.pg_get_viewdef(view_oid) AS (SELECT any_value(rv_text) FROM rvbbit_pg.base.view_lookup WHERE rv_oid = view_oid),
    (view_oid, pretty) AS (SELECT any_value(rv_text) FROM rvbbit_pg.base.view_lookup WHERE rv_oid = view_oid);
CREATE MACRO rvbbit_pg.pg.pg_get_constraintdef(constraint_oid) AS (SELECT any_value(rv_text) FROM rvbbit_pg.base.constraint_lookup WHERE rv_oid = constraint_oid),
    (constraint_oid, pretty) AS (SELECT any_value(CASE WHEN pretty THEN rv_pretty ELSE rv_text END) FROM rvbbit_pg.base.constraint_lookup WHERE rv_oid = constraint_oid);
CREATE MACRO rvbbit_pg.pg.pg_get_indexdef(index_oid) AS (SELECT any_value(rv_text) FROM rvbbit_pg.base.index_lookup WHERE rv_oid = index_oid),
    (index_oid, column_no, pretty) AS (SELECT any_value(CASE WHEN column_no = 0 AND pretty THEN rv_pretty WHEN column_no = 0 THEN rv_text ELSE rv_items[column_no::BIGINT] END)
        FROM rvbbit_pg.base.index_lookup WHERE rv_oid = index_oid);
CREATE MACRO rvbbit_pg.pg.pg_get_serial_sequence(wanted_table, wanted_column) AS (SELECT any_value(rv_text) FROM rvbbit_pg.base.default_lookup WHERE rv_oid = rvbbit_pg.pg.to_regclass(wanted_table) AND rv_name = wanted_column);
CREATE MACRO rvbbit_pg.pg.pg_get_function_arguments(function_oid) AS
    (SELECT any_value(rv_arguments) FROM rvbbit_pg.base.function_lookup WHERE rv_oid = function_oid);
CREATE MACRO rvbbit_pg.pg.pg_get_function_identity_arguments(function_oid) AS
    (SELECT any_value(rv_arguments) FROM rvbbit_pg.base.function_lookup WHERE rv_oid = function_oid);
CREATE MACRO rvbbit_pg.pg.pg_get_function_result(function_oid) AS
    (SELECT any_value(rv_result) FROM rvbbit_pg.base.function_lookup WHERE rv_oid = function_oid);
CREATE MACRO rvbbit_pg.pg.pg_get_function_sqlbody(function_oid) AS NULL::VARCHAR;
CREATE MACRO rvbbit_pg.pg.pg_get_function_arg_default(function_oid, n) AS NULL::VARCHAR;
CREATE MACRO rvbbit_pg.pg.pg_get_functiondef(function_oid) AS
    (SELECT any_value(rv_text) FROM rvbbit_pg.base.function_lookup WHERE rv_oid = function_oid);
CREATE MACRO rvbbit_pg.pg.pg_get_triggerdef(x) AS NULL::VARCHAR, (x, y) AS NULL::VARCHAR;
CREATE MACRO rvbbit_pg.pg.pg_get_ruledef(x) AS NULL::VARCHAR, (x, y) AS NULL::VARCHAR;
CREATE MACRO rvbbit_pg.pg.pg_get_partkeydef(x) AS NULL::VARCHAR;
CREATE MACRO rvbbit_pg.pg.pg_get_partition_constraintdef(x) AS NULL::VARCHAR;
CREATE MACRO rvbbit_pg.pg.pg_get_statisticsobjdef_columns(x) AS NULL::VARCHAR;
CREATE MACRO rvbbit_pg.pg.pg_get_statisticsobjdef(x) AS NULL::VARCHAR;
CREATE MACRO rvbbit_pg.pg.pg_relation_is_publishable(x) AS false;
CREATE MACRO rvbbit_pg.pg.pg_relation_is_updatable(relation_oid, include_triggers) AS
    CASE WHEN EXISTS (SELECT 1 FROM rvbbit_pg.base.table_lookup WHERE rv_oid = relation_oid) THEN 28 ELSE 0 END;
CREATE MACRO rvbbit_pg.pg.pg_partition_ancestors(x) AS unnest([x::BIGINT]);
CREATE MACRO rvbbit_pg.pg.pg_index_column_has_property(i, n, p) AS p IN ('asc', 'orderable', 'nulls_last');
CREATE MACRO rvbbit_pg.pg.pg_available_extensions() AS TABLE
    SELECT NULL::VARCHAR AS name, NULL::VARCHAR AS default_version, NULL::VARCHAR AS "comment" WHERE false;
CREATE MACRO rvbbit_pg.pg.pg_options_to_table(x) AS TABLE SELECT NULL::VARCHAR AS option_name, NULL::VARCHAR AS option_value WHERE false;

-- comments
CREATE MACRO rvbbit_pg.pg.obj_description(object_oid) AS
    (SELECT any_value(rv_text) FROM rvbbit_pg.base.description_lookup WHERE rv_oid = object_oid AND rv_column = 0),
    (object_oid, catalog_name) AS
    (SELECT any_value(rv_text) FROM rvbbit_pg.base.description_lookup WHERE rv_oid = object_oid AND rv_column = 0 AND rv_catalog = catalog_name);
CREATE MACRO rvbbit_pg.pg.col_description(relation_oid, attribute_no) AS
    (SELECT any_value(rv_text) FROM rvbbit_pg.base.description_lookup WHERE rv_oid = relation_oid AND rv_catalog = 'pg_class' AND rv_column = attribute_no);
CREATE MACRO rvbbit_pg.pg.shobj_description(object_oid, catalog) AS NULL::VARCHAR;

-- privileges
CREATE MACRO rvbbit_pg.pg.has_table_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO rvbbit_pg.pg.has_any_column_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO rvbbit_pg.pg.has_column_privilege(a, b, c) AS true, (a, b, c, d) AS true;
CREATE MACRO rvbbit_pg.pg.has_schema_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO rvbbit_pg.pg.has_database_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO rvbbit_pg.pg.has_function_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO rvbbit_pg.pg.has_sequence_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO rvbbit_pg.pg.has_type_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO rvbbit_pg.pg.has_language_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO rvbbit_pg.pg.has_tablespace_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO rvbbit_pg.pg.has_server_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO rvbbit_pg.pg.has_foreign_data_wrapper_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO rvbbit_pg.pg.pg_has_role(a, b) AS true, (a, b, c) AS true;
CREATE MACRO rvbbit_pg.pg.row_security_active(a) AS false;
CREATE MACRO rvbbit_pg.pg.aclexplode(acl) AS TABLE
    SELECT NULL::BIGINT AS grantor, NULL::BIGINT AS grantee, NULL::VARCHAR AS privilege_type, NULL::BOOLEAN AS is_grantable WHERE false;
CREATE MACRO rvbbit_pg.pg.acldefault(kind, owner) AS NULL::VARCHAR[];
CREATE MACRO rvbbit_pg.pg.pg_get_acl(a, b, c) AS NULL::VARCHAR[];

-- sizes: DuckDB does not count a table's bytes; what a row needs is taken to be 32 of them
CREATE MACRO rvbbit_pg.pg.pg_relation_size(relation_oid) AS
    coalesce((SELECT max(rv_tuples) FROM rvbbit_pg.base.table_lookup WHERE rv_oid = relation_oid), 0) * 32,
    (relation_oid, fork) AS
    coalesce((SELECT max(rv_tuples) FROM rvbbit_pg.base.table_lookup WHERE rv_oid = relation_oid), 0) * 32;
CREATE MACRO rvbbit_pg.pg.pg_table_size(relation_oid) AS rvbbit_pg.pg.pg_relation_size(relation_oid);
CREATE MACRO rvbbit_pg.pg.pg_total_relation_size(relation_oid) AS rvbbit_pg.pg.pg_relation_size(relation_oid);
CREATE MACRO rvbbit_pg.pg.pg_indexes_size(relation_oid) AS 0::BIGINT;
CREATE MACRO rvbbit_pg.pg.pg_database_size(x) AS
    (SELECT coalesce(sum(used_blocks * block_size), 0)::BIGINT FROM pragma_database_size() s
     WHERE s.database_name = current_database());
CREATE MACRO rvbbit_pg.pg.pg_tablespace_size(x) AS 0::BIGINT;
CREATE MACRO rvbbit_pg.pg.pg_tablespace_location(x) AS '';
CREATE MACRO rvbbit_pg.pg.pg_relation_filenode(x) AS x;
CREATE MACRO rvbbit_pg.pg.pg_relation_filepath(x) AS NULL::VARCHAR;
-- the lambda binds what may be a subquery once
CREATE MACRO rvbbit_pg.pg.pg_size_pretty(size) AS list_transform([size], lambda bytes:
    CASE WHEN abs(bytes) < 10240 THEN bytes::BIGINT || ' bytes'
         WHEN abs(bytes) < 10484736 THEN round(bytes / 1024.0)::BIGINT || ' kB'
         WHEN abs(bytes) < 10736369664 THEN round(bytes / 1048576.0)::BIGINT || ' MB'
         WHEN abs(bytes) < 10994042535936 THEN round(bytes / 1073741824.0)::BIGINT || ' GB'
         ELSE round(bytes / 1099511627776.0)::BIGINT || ' TB' END)[1];

-- text and arrays
CREATE MACRO rvbbit_pg.pg.quote_ident(name) AS rvbbit_pg.base.quoted_name(name);
CREATE MACRO rvbbit_pg.pg.parse_ident(name) AS rvbbit_pg.base.name_parts(name), (name, strict) AS rvbbit_pg.base.name_parts(name);
CREATE MACRO rvbbit_pg.pg._pg_expandarray(items) AS
    unnest(list_transform(items, lambda item, position: {'x': item, 'n': position}));
CREATE MACRO rvbbit_pg.pg._pg_char_max_length(type_oid, typmod) AS
    CASE WHEN typmod > 4 AND type_oid IN (1042, 1043) THEN typmod - 4 END;
CREATE MACRO rvbbit_pg.pg._pg_numeric_precision(type_oid, typmod) AS
    CASE type_oid WHEN 21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 WHEN 700 THEN 24 WHEN 701 THEN 53
         WHEN 1700 THEN CASE WHEN typmod > 0 THEN (typmod - 4) >> 16 END END;
CREATE MACRO rvbbit_pg.pg._pg_numeric_scale(type_oid, typmod) AS
    CASE WHEN type_oid IN (20, 21, 23) THEN 0 WHEN type_oid = 1700 AND typmod > 0 THEN (typmod - 4) & 65535 END;
CREATE MACRO rvbbit_pg.pg._pg_truetypid(a, t) AS a.atttypid;
CREATE MACRO rvbbit_pg.pg._pg_truetypmod(a, t) AS a.atttypmod;
CREATE MACRO rvbbit_pg.pg.octet_length(value) AS strlen(value::VARCHAR);

-- settings inside larger statements; alone they are the session's own business
CREATE MACRO rvbbit_pg.pg.current_setting(wanted) AS coalesce((SELECT any_value(rv_text) FROM rvbbit_pg.base.setting_lookup WHERE rv_name = lower(wanted)),
        error('unrecognized configuration parameter "' || wanted || '"')),
    (wanted, missing_ok) AS (SELECT any_value(rv_text) FROM rvbbit_pg.base.setting_lookup WHERE rv_name = lower(wanted));
CREATE MACRO rvbbit_pg.pg.set_config(name, new_value, is_local) AS new_value;
CREATE MACRO rvbbit_pg.pg.pg_show_all_settings() AS TABLE SELECT * FROM rvbbit_pg.pg.pg_settings;
