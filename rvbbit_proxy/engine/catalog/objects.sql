-- What the catalogs are computed with. Schema `base` is for this package alone.
-- An oid is a hash of kind and qualified name: the same in every session and after every restart. Two of n objects
-- share one with probability n*n / 2^32 (1,000 objects: 1 in 4,300); a lookup then finds both.

CREATE MACRO rvbbit_pg.base.oid_of(kind, name) AS
    (16384 + md5_number_lower(kind || ':' || name) % 2147467264)::BIGINT;

CREATE MACRO rvbbit_pg.base.session_user() AS coalesce(getvariable('rvbbit_user')::VARCHAR, 'rvbbit');
CREATE MACRO rvbbit_pg.base.session_database() AS
    coalesce(getvariable('rvbbit_database')::VARCHAR, current_database());
-- What everything belongs to; the users own it together.
CREATE MACRO rvbbit_pg.base.owner_name() AS 'postgres';
CREATE MACRO rvbbit_pg.base.role_oid(name) AS
    CASE name WHEN 'postgres' THEN 10 ELSE rvbbit_pg.base.oid_of('role', name) END;
CREATE MACRO rvbbit_pg.base.session_pid() AS coalesce(getvariable('rvbbit_pid')::INTEGER, 0);
CREATE MACRO rvbbit_pg.base.database_oid() AS
    rvbbit_pg.base.oid_of('database', rvbbit_pg.base.session_database());

-- How PostgreSQL prints an oid whose object has no name.
CREATE MACRO rvbbit_pg.base.shown_oid(object_oid) AS
    list_transform([object_oid], lambda o: CASE o WHEN 0 THEN '-' ELSE o::VARCHAR END)[1];

-- The schemas named without a prefix, as clients know them.
CREATE MACRO rvbbit_pg.base.search_path() AS list_distinct(list_filter(list_transform(
    string_split(current_setting('search_path'), ','),
    lambda entry: CASE
        WHEN trim(entry, ' "') IN ('', 'main', 'public', '$user') THEN 'public'
        WHEN trim(split_part(entry, '.', 2), ' "') = 'main' THEN
            CASE WHEN trim(split_part(entry, '.', 1), ' "') = current_database() THEN 'public'
                 ELSE trim(split_part(entry, '.', 1), ' "') END
        WHEN contains(entry, '.') THEN trim(split_part(entry, '.', 2), ' "')
        ELSE trim(entry, ' "') END),
    lambda name: name NOT IN ('rvbbit', 'rvbbit_fn')));

CREATE MACRO rvbbit_pg.base.quoted_name(name) AS
    CASE WHEN regexp_full_match(name, '[a-z_][a-z0-9_]*') AND NOT list_contains(rvbbit_pg.base.reserved_words(), name)
         THEN name ELSE '"' || replace(name, '"', '""') || '"' END;

CREATE MACRO rvbbit_pg.base.quoted_names(names) AS
    array_to_string(list_transform(names, lambda name: rvbbit_pg.base.quoted_name(name)), ', ');

CREATE MACRO rvbbit_pg.base.index_definition(is_unique, name, nspname, table_name, definitions) AS
    'CREATE ' || CASE WHEN is_unique THEN 'UNIQUE ' ELSE '' END || 'INDEX ' || rvbbit_pg.base.quoted_name(name)
    || ' ON ' || coalesce(rvbbit_pg.base.quoted_name(nspname) || '.', '') || rvbbit_pg.base.quoted_name(table_name)
    || ' USING btree (' || array_to_string(definitions, ', ') || ')';

-- The columns and expressions of an index, out of DuckDB's list of them.
CREATE MACRO rvbbit_pg.base.index_items(expressions) AS
    list_transform(regexp_extract_all(expressions[2:-2], '''(?:[^'']|'''')*''|[^, ][^,]*'),
        lambda item: CASE WHEN starts_with(item, '''"') THEN replace(item[3:-3], '""', '"')
                          WHEN item[1] = '''' THEN regexp_replace(replace(item[2:-2], '''''', ''''), '^\((\w+\(.*\))\)$', '\1')
                          ELSE item END);

-- What a foreign key does when what it refers to goes: in its definition, and in information_schema.
CREATE MACRO rvbbit_pg.base.key_rule(code) AS CASE code
    WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' ELSE 'NO ACTION' END;
CREATE MACRO rvbbit_pg.base.key_action(head, code) AS
    CASE code WHEN 'a' THEN '' ELSE head || rvbbit_pg.base.key_rule(code) END;

-- The parts of a dotted name, folded and without quotes.
CREATE MACRO rvbbit_pg.base.name_parts(name) AS list_transform(
    regexp_extract_all(name, '"(?:[^"]|"")*"|[^".\s]+'),
    lambda part: CASE WHEN part[1] = '"' THEN replace(part[2:-2], '""', '"') ELSE lower(part) END);

-- The word a type is looked up by: folded, without modifiers, quotes and pg_catalog.
CREATE MACRO rvbbit_pg.base.type_word(name) AS
    CASE WHEN contains(name, '"') AND NOT starts_with(name, '"char"')
         THEN regexp_replace(array_to_string(rvbbit_pg.base.name_parts(replace(name, '[]', '')), '.'), '^pg_catalog\.', '')
              || CASE WHEN ends_with(name, '[]') THEN '[]' ELSE '' END
         ELSE regexp_replace(lower(trim(regexp_replace(name, '\s*\(.*\)', ''))), '^pg_catalog\.', '') END;

-- What a function is printed with.
CREATE MACRO rvbbit_pg.base.argument_text(names, types) AS array_to_string(
    list_transform(list_zip(coalesce(names, list_transform(types, lambda t: NULL)), types),
        lambda pair: coalesce(pair[1] || ' ', '') || coalesce(rvbbit_pg.base.sql_type_name(pair[2]), '???')), ', ');
CREATE MACRO rvbbit_pg.base.result_text(is_set, type_oid) AS
    CASE WHEN is_set THEN 'SETOF ' ELSE '' END || coalesce(rvbbit_pg.base.sql_type_name(type_oid), '???');
CREATE MACRO rvbbit_pg.base.function_text(nspname, name, argument_list, result_type, lanname, body) AS
    'CREATE OR REPLACE FUNCTION ' || nspname || '.' || rvbbit_pg.base.quoted_name(name) || '(' || argument_list || ')'
    || chr(10) || ' RETURNS ' || result_type || chr(10) || ' LANGUAGE ' || lanname || chr(10)
    || 'AS $function$' || body || '$function$' || chr(10);

-- The types that columns can be declared with beside what DuckDB keeps: see `declared.py`.
CREATE TABLE rvbbit_pg.base.declared_words AS
SELECT * FROM (VALUES
    ('varchar', 1043, 1015, 4, 'VARCHAR'), ('char', 1042, 1014, 4, 'VARCHAR'), ('bit', 1560, 1561, 0, 'BIT'),
    ('varbit', 1562, 1563, 0, 'BIT'), ('time', 1083, 1183, 0, 'TIME'), ('timetz', 1266, 1270, 0, 'TIME'),
    ('timestamp', 1114, 1115, 0, 'TIMESTAMP'), ('timestamptz', 1184, 1185, 0, 'TIMESTAMP'), ('jsonb', 3802, 3807, 0, 'JSON')
) AS v(word, oid, array_oid, header, duckdb_type);

CREATE MACRO rvbbit_pg.base.sized_type_name(type_oid, typmod) AS CASE type_oid
    WHEN 1043 THEN 'character varying(' || (typmod - 4) || ')' WHEN 1015 THEN 'character varying(' || (typmod - 4) || ')[]'
    WHEN 1042 THEN 'character(' || (typmod - 4) || ')' WHEN 1014 THEN 'character(' || (typmod - 4) || ')[]'
    WHEN 1560 THEN 'bit(' || typmod || ')' WHEN 1561 THEN 'bit(' || typmod || ')[]'
    WHEN 1562 THEN 'bit varying(' || typmod || ')' WHEN 1563 THEN 'bit varying(' || typmod || ')[]'
    WHEN 1083 THEN 'time(' || typmod || ') without time zone' WHEN 1266 THEN 'time(' || typmod || ') with time zone'
    WHEN 1114 THEN 'timestamp(' || typmod || ') without time zone' WHEN 1184 THEN 'timestamp(' || typmod || ') with time zone'
    WHEN 1115 THEN 'timestamp(' || typmod || ') without time zone[]' WHEN 1185 THEN 'timestamp(' || typmod || ') with time zone[]' END;
