-- Tableau and other programs on psqlODBC: the catalog functions, then temporary tables and probing statements.

-- name: connection
-- compare: names
SET DateStyle = 'ISO';
SET extra_float_digits = 2;
SELECT oid, typbasetype FROM pg_type WHERE typname = 'lo';

-- name: settings on one line
-- compare: columns
SHOW transaction_isolation;
SHOW max_identifier_length;

-- name: SQLTables
SELECT relname, nspname, relkind FROM pg_catalog.pg_class rel, pg_catalog.pg_namespace space
WHERE relkind IN ('r', 'v', 'm', 'f', 'p') AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'pg_temp_1')
  AND space.oid = relnamespace AND nspname IN ('public', 'sales') ORDER BY nspname, relname;

-- name: schemas alone
SELECT NULL, nspname, NULL, NULL, NULL FROM pg_catalog.pg_namespace space WHERE true AND nspname IN ('public', 'sales') GROUP BY 2 ORDER BY 2;

-- name: SQLColumns
SELECT space.nspname, rel.relname, att.attname, att.atttypid, kind.typname, att.attnum, att.attlen, att.atttypmod, att.attnotnull,
       rel.relhasrules, rel.relkind, pg_get_expr(def.adbin, def.adrelid), CASE kind.typtype WHEN 'd' THEN kind.typbasetype ELSE 0 END,
       kind.typtypmod, att.attidentity
FROM (((pg_catalog.pg_class rel INNER JOIN pg_catalog.pg_namespace space ON space.oid = rel.relnamespace
        AND rel.relname LIKE 'orders' AND space.nspname LIKE 'public')
       INNER JOIN pg_catalog.pg_attribute att ON (NOT att.attisdropped) AND att.attnum > 0 AND att.attrelid = rel.oid)
      INNER JOIN pg_catalog.pg_type kind ON kind.oid = att.atttypid)
     LEFT OUTER JOIN pg_attrdef def ON att.atthasdef AND def.adrelid = att.attrelid AND def.adnum = att.attnum
ORDER BY space.nspname, rel.relname, attnum;

-- name: SQLPrimaryKeys
SELECT att.attname, entry_att.attnum, entry.relname, space.nspname, rel.relname
FROM pg_catalog.pg_attribute att, pg_catalog.pg_attribute entry_att, pg_catalog.pg_class rel, pg_catalog.pg_namespace space,
     pg_catalog.pg_index ind, pg_catalog.pg_class entry
WHERE rel.oid = ind.indrelid AND space.oid = rel.relnamespace AND ind.indexrelid = entry.oid AND ind.indisprimary = 't'
  AND entry_att.attrelid = ind.indexrelid AND att.attrelid = ind.indrelid AND (NOT att.attisdropped) AND (NOT entry_att.attisdropped)
  AND att.attnum = ind.indkey[entry_att.attnum - 1] AND rel.relname = 'order_lines' AND space.nspname = 'public'
ORDER BY entry_att.attnum;

-- name: SQLForeignKeys
SELECT 'demo'::name AS "PKTABLE_CAT", space.nspname AS "PKTABLE_SCHEM", target.relname AS "PKTABLE_NAME", target_att.attname AS "PKCOLUMN_NAME",
       source.relname AS "FKTABLE_NAME", source_att.attname AS "FKCOLUMN_NAME", found.place::int2 AS "KEY_SEQ", found.conname AS "FK_NAME",
       CASE WHEN found.condeferrable THEN CASE WHEN found.condeferred THEN 5::int2 ELSE 6::int2 END ELSE 7::int2 END AS "DEFERRABILITY"
FROM (SELECT con.*, generate_series(array_lower(con.conkey, 1), array_upper(con.conkey, 1)) AS place
      FROM pg_catalog.pg_constraint con WHERE con.contype = 'f') AS found
JOIN pg_catalog.pg_class source ON source.oid = found.conrelid JOIN pg_catalog.pg_class target ON target.oid = found.confrelid
JOIN pg_catalog.pg_namespace space ON space.oid = target.relnamespace
JOIN pg_catalog.pg_attribute source_att ON source_att.attrelid = source.oid AND source_att.attnum = found.conkey[found.place]
JOIN pg_catalog.pg_attribute target_att ON target_att.attrelid = target.oid AND target_att.attnum = found.confkey[found.place]
ORDER BY 2, 3, 5, 7;

-- name: SQLStatistics
SELECT entry.relname, ind.indkey, ind.indisunique, ind.indisclustered, am.amname, rel.relhasrules, space.nspname, ind.indoption
FROM pg_catalog.pg_index ind, pg_catalog.pg_class entry, pg_catalog.pg_class rel, pg_catalog.pg_am am, pg_catalog.pg_namespace space
WHERE rel.relname = 'orders' AND space.nspname = 'public' AND rel.oid = ind.indrelid AND space.oid = rel.relnamespace
  AND entry.oid = ind.indexrelid AND am.oid = entry.relam ORDER BY ind.indisprimary DESC, ind.indisunique, space.nspname, entry.relname;

-- name: SQLProcedures
SELECT NULL AS "PROCEDURE_CAT", nspname AS "PROCEDURE_SCHEM", proname AS "PROCEDURE_NAME",
       CASE WHEN prorettype = 0 THEN 1::int2 ELSE 2::int2 END AS "PROCEDURE_TYPE"
FROM pg_catalog.pg_namespace, pg_catalog.pg_proc WHERE pg_proc.pronamespace = pg_namespace.oid AND nspname LIKE 'public' ORDER BY 2, 3;

-- name: SQLTablePrivileges
-- compare: names
SELECT rel.relname, usename, rel.relacl, nspname FROM pg_catalog.pg_namespace, pg_catalog.pg_class rel, pg_catalog.pg_user
WHERE rel.relowner = usesysid AND nspname LIKE 'public' AND relname LIKE 'orders' AND relnamespace = pg_namespace.oid;

-- name: oid and ctid
SELECT ctid IS NOT NULL AS placed, id FROM public.customers ORDER BY id;

-- name: temporary tables
BEGIN;
CREATE LOCAL TEMPORARY TABLE "#Tableau_1_Connect" ("COL" integer) ON COMMIT PRESERVE ROWS;
INSERT INTO "#Tableau_1_Connect" VALUES (1);
SELECT count(*) FROM "#Tableau_1_Connect";
DROP TABLE "#Tableau_1_Connect";
COMMIT;

-- name: selecting into
-- compare: columns
SELECT * INTO TEMPORARY TABLE "#Tableau_2" FROM (SELECT 1 AS "COL") AS probe LIMIT 1;
SELECT "COL" FROM "#Tableau_2";
DROP TABLE "#Tableau_2";

-- name: probing
SELECT 1 AS "one" FROM (SELECT 1) AS "probe" HAVING COUNT(1) > 0;

-- name: columns of a table without rows
SELECT "orders"."id" AS "id", CAST("orders"."note" AS TEXT) AS "note", DATE_TRUNC('MONTH', CAST("orders"."placed" AS TIMESTAMP)) AS "month"
FROM "public"."orders" "orders" LIMIT 0;
