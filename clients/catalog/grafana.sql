-- Grafana: the query builder's pickers and the macros of time series.

-- name: version
-- compare: columns
SELECT current_setting('server_version_num')::int / 100 AS version;

-- name: timescale
SELECT count(extversion) FROM pg_extension WHERE extname = 'timescaledb';

-- name: tables
SELECT CASE WHEN quote_ident(table_schema) IN (SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
            FROM generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1),
                                 array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS i,
                 string_to_array(current_setting('search_path'), ',') s)
       THEN quote_ident(table_name) ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table"
FROM information_schema.tables
WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog', '_timescaledb_cache', '_timescaledb_catalog')
  AND table_schema IN ('public', 'sales')
ORDER BY 1;

-- name: columns of a table
SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
WHERE CASE WHEN array_length(parse_ident('public.orders'), 1) = 2
           THEN quote_ident(table_schema) = (parse_ident('public.orders'))[1] AND quote_ident(table_name) = (parse_ident('public.orders'))[2]
           ELSE quote_ident(table_name) = 'public.orders' END;

-- name: columns of a table on the search path
SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
WHERE quote_ident(table_name) = 'customers' AND quote_ident(table_schema) IN (SELECT unnest(current_schemas(false)));

-- name: time columns
SELECT quote_ident(column_name) FROM information_schema.columns
WHERE quote_ident(table_schema) = 'public' AND quote_ident(table_name) = 'customers' AND data_type IN ('timestamptz', 'timestamp with time zone', 'timestamp without time zone', 'bigint', 'integer')
ORDER BY column_name;

-- name: time macros
-- compare: names
SELECT floor(extract(epoch FROM created) / 3600) * 3600 AS time, count(id) AS "value" FROM customers
WHERE created BETWEEN '2000-01-01T00:00:00Z' AND '2100-01-01T00:00:00Z' GROUP BY 1 ORDER BY 1;

-- name: template variables
SELECT DISTINCT name AS __text, id AS __value FROM customers ORDER BY 1;

-- name: health
SELECT 1;
