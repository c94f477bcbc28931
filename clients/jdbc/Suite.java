// pgjdbc: types, server-prepared statements, batches, generated keys, fetch size, COPY, metadata. Writes TAP.
// Arguments: simple|extended HOST PORT USER DATABASE.

import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.*;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.TreeSet;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

public class Suite {
    interface Body {
        void run() throws Exception;
    }

    static void check(String name, Body body) {
        try {
            body.run();
            System.out.println("ok - " + name);
        } catch (Throwable fault) {
            String text = String.valueOf(fault).replaceAll("\\s+", " ");
            System.out.println("not ok - " + name + " # " + text.substring(0, Math.min(300, text.length())));
        }
    }

    static void same(Object found, Object expected) {
        if (!String.valueOf(found).equals(String.valueOf(expected)))
            throw new AssertionError("got " + found + ", expected " + expected);
    }

    static Connection connect(String[] a, String... more) throws SQLException {
        Properties properties = new Properties();
        properties.put("user", a[3]);
        properties.put("preferQueryMode", a[0]);
        for (int i = 0; i < more.length; i += 2) properties.put(more[i], more[i + 1]);
        return DriverManager.getConnection("jdbc:postgresql://" + a[1] + ":" + a[2] + "/" + a[4], properties);
    }

    static List<String> column(ResultSet rows, String... names) throws SQLException {
        List<String> found = new ArrayList<>();
        while (rows.next()) {
            StringBuilder line = new StringBuilder();
            for (String name : names) line.append(line.length() > 0 ? "|" : "").append(rows.getString(name));
            found.add(line.toString());
        }
        return found;
    }

    static List<String> query(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) statement.setObject(i + 1, values[i]);
            try (ResultSet rows = statement.executeQuery()) {
                List<String> found = new ArrayList<>();
                while (rows.next()) {
                    List<String> row = new ArrayList<>();
                    for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) row.add(rows.getString(i));
                    found.add(String.join("|", row));
                }
                return found;
            }
        }
    }

    static void run(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    public static void main(String[] a) throws Exception {
        boolean extended = a[0].equals("extended");
        Connection c = connect(a);
        run(c, "DROP TABLE IF EXISTS jdbc_child");
        run(c, "DROP TABLE IF EXISTS jdbc_parent");
        run(c, "CREATE TABLE jdbc_parent (id serial PRIMARY KEY, name varchar(40) NOT NULL, price numeric(10,2), made timestamp)");
        run(c, "CREATE TABLE jdbc_child (id int PRIMARY KEY, parent_id int NOT NULL REFERENCES jdbc_parent (id))");
        run(c, "CREATE INDEX jdbc_parent_name ON jdbc_parent (name)");

        check("product", () -> {
            same(c.getMetaData().getDatabaseProductName(), "PostgreSQL");
            same(c.getMetaData().getDatabaseMajorVersion() >= 15, true);
            same(c.isValid(5), true);
        });
        check("types by getters", () -> {
            try (Statement s = c.createStatement();
                    ResultSet r = s.executeQuery("SELECT 1::int2, 2::int4, 3::int8, 1.50::numeric(5,2), 1.5::float4, 2.5::float8,"
                            + " true, 'ü'::text, date '2024-02-29', time '01:02:03', timestamp '2024-01-01 02:03:04.5',"
                            + " timestamptz '2024-01-01 00:00:00+00', '12345678-1234-5678-1234-567812345678'::uuid,"
                            + " ARRAY[1,2], NULL::int")) {
                r.next();
                same(r.getShort(1), 1);
                same(r.getInt(2), 2);
                same(r.getLong(3), 3);
                same(r.getBigDecimal(4), "1.50");
                same(r.getFloat(5), 1.5);
                same(r.getDouble(6), 2.5);
                same(r.getBoolean(7), true);
                same(r.getString(8), "ü");
                same(r.getObject(9, LocalDate.class), "2024-02-29");
                same(r.getTime(10), "01:02:03");
                same(r.getTimestamp(11), "2024-01-01 02:03:04.5");
                same(r.getObject(12, OffsetDateTime.class).toInstant(), "2024-01-01T00:00:00Z");
                same(r.getObject(13), UUID.fromString("12345678-1234-5678-1234-567812345678"));
                same(Arrays.toString((Object[]) r.getArray(14).getArray()), "[1, 2]");
                same(r.getInt(15) == 0 && r.wasNull(), true);
            }
        });
        if (extended) check("types by parameters, until binary", () -> {  // it writes bytea as no literal in simple mode
            try (PreparedStatement s = c.prepareStatement(
                    "SELECT ?::int, ?::bigint, ?::numeric, ?::float8, ?::text, ?::bool, ?::date, ?::timestamp, ?::timestamptz,"
                            + " ?::bytea, ?::uuid, ?::int[], ?::text[]")) {
                for (int round = 0; round < 8; round++) {
                    s.setInt(1, round);
                    s.setLong(2, 1L << 40);
                    s.setBigDecimal(3, new BigDecimal("12.34"));
                    s.setDouble(4, 0.1);
                    s.setString(5, "it's \\ ü");
                    s.setBoolean(6, true);
                    s.setDate(7, Date.valueOf("2024-02-29"));
                    s.setObject(8, LocalDateTime.of(2024, 1, 2, 3, 4, 5));
                    s.setObject(9, OffsetDateTime.of(2024, 1, 2, 3, 4, 5, 0, ZoneOffset.UTC));
                    s.setBytes(10, new byte[] {0, -1, 92});
                    s.setObject(11, new UUID(1, 2));
                    s.setArray(12, c.createArrayOf("int4", new Integer[] {1, null, 3}));
                    s.setArray(13, c.createArrayOf("text", new String[] {"a", "b\"c", null}));
                    try (ResultSet r = s.executeQuery()) {
                        r.next();
                        same(r.getInt(1), round);
                        same(r.getLong(2), 1L << 40);
                        same(r.getBigDecimal(3), "12.34");
                        same(r.getDouble(4), 0.1);
                        same(r.getString(5), "it's \\ ü");
                        same(r.getBoolean(6), true);
                        same(r.getDate(7), "2024-02-29");
                        same(r.getObject(8, LocalDateTime.class), "2024-01-02T03:04:05");
                        same(r.getObject(9, OffsetDateTime.class).toInstant(), "2024-01-02T03:04:05Z");
                        same(Arrays.toString(r.getBytes(10)), "[0, -1, 92]");
                        same(r.getObject(11), new UUID(1, 2));
                        same(Arrays.toString((Object[]) r.getArray(12).getArray()), "[1, null, 3]");
                        same(Arrays.toString((Object[]) r.getArray(13).getArray()), "[a, b\"c, null]");
                    }
                }
            }
        });
        check("parameters without casts", () -> {
            run(c, "INSERT INTO jdbc_parent (name, price, made) VALUES ('plain', 1.5, '2024-01-01 00:00')");
            same(query(c, "SELECT name FROM jdbc_parent WHERE id = ? AND name LIKE ? AND price < ?", 1, "pl%", new BigDecimal("2")), "[plain]");
            same(query(c, "SELECT count(*) FROM jdbc_parent WHERE made >= ?", Timestamp.valueOf("2023-01-01 00:00:00")), "[1]");
            same(query(c, "SELECT id FROM jdbc_parent ORDER BY id LIMIT ? OFFSET ?", 1, 0), "[1]");
        });
        check("null parameters", () -> {
            try (PreparedStatement s = c.prepareStatement("INSERT INTO jdbc_parent (name, price, made) VALUES (?, ?, ?)")) {
                s.setString(1, "nulls");
                s.setNull(2, Types.NUMERIC);
                s.setNull(3, Types.TIMESTAMP);
                same(s.executeUpdate(), 1);
            }
            same(query(c, "SELECT name FROM jdbc_parent WHERE price IS NULL"), "[nulls]");
        });
        check("generated keys", () -> {
            try (PreparedStatement s = c.prepareStatement("INSERT INTO jdbc_parent (name) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
                s.setString(1, "key");
                same(s.executeUpdate(), 1);
                ResultSet keys = s.getGeneratedKeys();
                keys.next();
                same(keys.getInt("id"), 3);
            }
        });
        check("batch", () -> {
            try (PreparedStatement s = c.prepareStatement("INSERT INTO jdbc_child VALUES (?, ?)")) {
                for (int i = 0; i < 200; i++) {
                    s.setInt(1, i);
                    s.setInt(2, 1);
                    s.addBatch();
                }
                same(Arrays.stream(s.executeBatch()).sum(), 200);
            }
            same(query(c, "SELECT count(*) FROM jdbc_child"), "[200]");
        });
        check("rewritten batch", () -> {
            try (Connection other = connect(a, "reWriteBatchedInserts", "true");
                    PreparedStatement s = other.prepareStatement("INSERT INTO jdbc_child VALUES (?, ?)")) {
                for (int i = 1000; i < 1100; i++) {
                    s.setInt(1, i);
                    s.setInt(2, 1);
                    s.addBatch();
                }
                s.executeBatch();
                same(query(other, "SELECT count(*) FROM jdbc_child WHERE id >= 1000"), "[100]");
            }
        });
        check("failing batch", () -> {
            try (PreparedStatement s = c.prepareStatement("INSERT INTO jdbc_child VALUES (?, 1)")) {
                for (int id : new int[] {5000, 1, 5001}) {
                    s.setInt(1, id);
                    s.addBatch();
                }
                s.executeBatch();
                throw new AssertionError("no error");
            } catch (BatchUpdateException fault) {
                same(fault.getSQLState(), "23505");
            }
        });
        check("fetch size", () -> {
            c.setAutoCommit(false);
            try (PreparedStatement s = c.prepareStatement("SELECT id FROM jdbc_child WHERE id < ? ORDER BY id")) {
                s.setInt(1, 200);
                s.setFetchSize(17);
                int count = 0;
                try (ResultSet r = s.executeQuery()) {
                    while (r.next()) same(r.getInt(1), count++);
                }
                same(count, 200);
            } finally {
                c.rollback();
                c.setAutoCommit(true);
            }
        });
        if (extended) check("max rows and scrolling", () -> {  // the driver does not limit rows in simple mode
            try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY)) {
                s.setMaxRows(10);
                ResultSet r = s.executeQuery("SELECT id FROM jdbc_child ORDER BY id");
                r.last();
                same(r.getInt(1), 9);
                r.absolute(3);
                same(r.getInt(1), 2);
            }
        });
        check("updatable rows", () -> {
            try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
                ResultSet r = s.executeQuery("SELECT id, name FROM jdbc_parent WHERE id = 1");
                r.next();
                r.updateString("name", "renamed");
                r.updateRow();
            }
            same(query(c, "SELECT name FROM jdbc_parent WHERE id = 1"), "[renamed]");
        });
        check("transactions", () -> {
            c.setAutoCommit(false);
            run(c, "INSERT INTO jdbc_child VALUES (7000, 1)");
            Savepoint point = c.setSavepoint("point");
            c.releaseSavepoint(point);
            c.rollback();
            c.setAutoCommit(true);
            same(query(c, "SELECT count(*) FROM jdbc_child WHERE id = 7000"), "[0]");
        });
        check("rollback to savepoint", () -> {
            c.setAutoCommit(false);
            try {
                run(c, "INSERT INTO jdbc_child VALUES (7000, 1)");
                Savepoint point = c.setSavepoint();
                run(c, "INSERT INTO jdbc_child VALUES (7001, 1)");
                c.rollback(point);
                same(query(c, "SELECT count(*) FROM jdbc_child WHERE id >= 7000"), "[1]");
            } finally {
                c.rollback();
                c.setAutoCommit(true);
            }
        });
        check("isolation and read only", () -> {
            c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            same(c.getTransactionIsolation(), Connection.TRANSACTION_SERIALIZABLE);
            c.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
            c.setReadOnly(true);
            c.setAutoCommit(false);
            try {
                run(c, "DELETE FROM jdbc_child");
                throw new AssertionError("no error");
            } catch (SQLException fault) {
                same(fault.getSQLState(), "25006");
            } finally {
                c.rollback();
                c.setAutoCommit(true);
                c.setReadOnly(false);
            }
        });
        check("errors", () -> {
            String[][] faults = {
                {"SELECT * FROM missing", "42P01"}, {"SELECT missing FROM jdbc_child", "42703"}, {"SELEC 1", "42601"},
                {"SELECT 1/0", "22012"}, {"SELECT missing(1)", "42883"}, {"INSERT INTO jdbc_child VALUES (1, 1)", "23505"},
                {"INSERT INTO jdbc_child VALUES (9000, NULL)", "23502"}, {"INSERT INTO jdbc_child VALUES (9000, 99)", "23503"},
            };
            for (String[] fault : faults) {
                try {
                    query(c, fault[0]);
                    throw new AssertionError("no error: " + fault[0]);
                } catch (SQLException error) {
                    same(fault[0] + error.getSQLState(), fault[0] + fault[1]);
                }
            }
        });
        check("query timeout", () -> {
            try (Statement s = c.createStatement()) {
                s.setQueryTimeout(1);
                s.executeQuery("SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 100000) b");
                throw new AssertionError("no error");
            } catch (SQLException error) {
                same(error.getSQLState(), "57014");
            }
            same(query(c, "SELECT 1"), "[1]");
        });
        check("several statements", () -> {
            try (Statement s = c.createStatement()) {
                same(s.execute("SELECT 1; SELECT 'two'; DELETE FROM jdbc_child WHERE id = 199"), true);
                same(s.getMoreResults(), true);
                s.getResultSet().next();
                same(s.getResultSet() != null, true);
                same(s.getMoreResults(), false);
                same(s.getUpdateCount(), 1);
            }
        });
        check("COPY", () -> {
            CopyManager copy = ((PGConnection) c).getCopyAPI();
            same(copy.copyIn("COPY jdbc_child FROM STDIN WITH CSV", new StringReader("8000,1\n8001,1\n")), 2);
            StringWriter out = new StringWriter();
            copy.copyOut("COPY (SELECT id FROM jdbc_child WHERE id >= 8000 ORDER BY id) TO STDOUT", out);
            same(out.toString().replace("\n", " "), "8000 8001 ");
        });
        check("escapes and functions", () -> {
            same(query(c, "SELECT {fn concat('a', 'b')}, {fn ucase('x')}, {d '2024-01-01'}"), "[ab|X|2024-01-01]");
        });
        check("result set metadata", () -> {
            try (PreparedStatement s = c.prepareStatement("SELECT id, name, price AS cost, made FROM jdbc_parent")) {
                ResultSetMetaData m = s.getMetaData();
                same(m.getColumnTypeName(1) + m.getColumnTypeName(3) + m.getColumnTypeName(4), "serialnumerictimestamp");
                same(m.getColumnLabel(3) + m.getPrecision(3) + m.getScale(3), "cost102");
                same(m.getTableName(1) + " " + m.getColumnName(3), "jdbc_parent cost");
                same(m.isNullable(1), ResultSetMetaData.columnNoNulls);
                same(m.isAutoIncrement(1), true);
            }
        });
        if (extended)
            check("parameter metadata", () -> {
                try (PreparedStatement s = c.prepareStatement("SELECT 1 FROM jdbc_parent WHERE id = ? AND price > ?")) {
                    ParameterMetaData m = s.getParameterMetaData();
                    same(m.getParameterTypeName(1) + m.getParameterTypeName(2), "int4numeric");
                }
            });
        DatabaseMetaData m = c.getMetaData();
        check("getTables", () -> same(
                column(m.getTables(null, "public", "jdbc%", new String[] {"TABLE"}), "TABLE_NAME", "TABLE_TYPE"),
                "[jdbc_child|TABLE, jdbc_parent|TABLE]"));
        check("getColumns", () -> same(
                column(m.getColumns(null, "public", "jdbc_parent", "%"), "COLUMN_NAME", "TYPE_NAME", "NULLABLE", "IS_AUTOINCREMENT"),
                "[id|serial|0|YES, name|varchar|0|NO, price|numeric|1|NO, made|timestamp|1|NO]"));
        check("getColumns sizes", () -> same(
                column(m.getColumns(null, "public", "jdbc_parent", "%e"), "COLUMN_NAME", "COLUMN_SIZE", "DECIMAL_DIGITS"),
                "[name|40|0, price|10|2, made|29|6]"));
        check("getPrimaryKeys", () -> same(
                column(m.getPrimaryKeys(null, "public", "jdbc_parent"), "COLUMN_NAME", "KEY_SEQ", "PK_NAME"), "[id|1|jdbc_parent_pkey]"));
        check("getImportedKeys", () -> same(
                column(m.getImportedKeys(null, "public", "jdbc_child"), "PKTABLE_NAME", "PKCOLUMN_NAME", "FKCOLUMN_NAME"),
                "[jdbc_parent|id|parent_id]"));
        check("getExportedKeys", () -> same(
                column(m.getExportedKeys(null, "public", "jdbc_parent"), "FKTABLE_NAME", "FKCOLUMN_NAME"), "[jdbc_child|parent_id]"));
        check("getCrossReference", () -> same(
                column(m.getCrossReference(null, null, "jdbc_parent", null, null, "jdbc_child"), "FK_NAME"), "[jdbc_child_parent_id_fkey]"));
        check("getIndexInfo", () -> same(
                column(m.getIndexInfo(null, "public", "jdbc_parent", false, true), "INDEX_NAME", "COLUMN_NAME", "NON_UNIQUE"),
                "[jdbc_parent_pkey|id|f, jdbc_parent_name|name|t]"));
        check("getBestRowIdentifier", () -> same(
                column(m.getBestRowIdentifier(null, "public", "jdbc_parent", 0, true), "COLUMN_NAME"), "[id]"));
        check("getSchemas", () -> same(
                new TreeSet<>(column(m.getSchemas(), "TABLE_SCHEM")).containsAll(List.of("information_schema", "pg_catalog", "public")), true));
        check("getCatalogs", () -> same(column(m.getCatalogs(), "TABLE_CAT").contains(a[4]), true));
        check("getTableTypes", () -> same(column(m.getTableTypes(), "TABLE_TYPE").containsAll(List.of("TABLE", "VIEW")), true));
        check("getTypeInfo", () -> same(
                column(m.getTypeInfo(), "TYPE_NAME").containsAll(List.of("int4", "text", "numeric", "timestamptz", "uuid", "jsonb")), true));
        check("getFunctions", () -> same(column(m.getFunctions(null, "pg_catalog", "lower"), "FUNCTION_NAME").contains("lower"), true));
        check("getProcedures", () -> column(m.getProcedures(null, null, "%"), "PROCEDURE_NAME"));
        check("getProcedureColumns", () -> column(m.getProcedureColumns(null, null, "lower", "%"), "COLUMN_NAME"));
        check("getFunctionColumns", () -> column(m.getFunctionColumns(null, "pg_catalog", "lower", "%"), "COLUMN_NAME"));
        check("getUDTs", () -> column(m.getUDTs(null, null, "%", null), "TYPE_NAME"));
        check("getTablePrivileges", () -> same(
                column(m.getTablePrivileges(null, "public", "jdbc_parent"), "PRIVILEGE").containsAll(List.of("SELECT", "INSERT")), true));
        check("getColumnPrivileges", () -> same(
                column(m.getColumnPrivileges(null, "public", "jdbc_parent", "id"), "PRIVILEGE").contains("SELECT"), true));
        check("getSQLKeywords", () -> same(m.getSQLKeywords().contains("analyse"), true));
        check("functions of the server", () -> {
            same(m.getMaxColumnNameLength(), 63);
            same(m.getUserName(), a[3]);
            same(c.getCatalog() + c.getSchema(), a[4] + "public");
        });
        check("client info and search path", () -> {
            c.setClientInfo("ApplicationName", "suite");
            same(query(c, "SHOW application_name"), "[suite]");
            c.setSchema("public");
            same(query(c, "SHOW search_path"), "[public]");
        });
        check("many prepared statements", () -> {
            for (int i = 0; i < 400; i++) same(query(c, "SELECT " + i + ", ?::int", i), "[" + i + "|" + i + "]");
        });
        run(c, "DROP TABLE jdbc_child");
        run(c, "DROP TABLE jdbc_parent");
        c.close();
    }
}
