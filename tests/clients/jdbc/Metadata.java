import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;

/** DatabaseMetaData: what IDEs and mapping libraries ask pgJDBC for. */
class Metadata {
  interface Question {
    void ask(DatabaseMetaData data) throws Exception;
  }

  private static void check(String name, Question question) {
    Jdbc.check("metadata: " + name, connection -> question.ask(connection.getMetaData()));
  }

  private static void expect(List<String> expected, ResultSet got, String... columns) throws SQLException {
    Jdbc.equal(String.join("\n", expected), String.join("\n", Jdbc.rows(got, columns)));
  }

  private static void expectRow(String expected, ResultSet got, String... columns) throws SQLException {
    List<String> rows = Jdbc.rows(got, columns);
    if (!rows.contains(expected)) throw new AssertionError("no row " + expected + " among " + rows);
  }

  static void all() throws Exception {
    try (Connection connection = Jdbc.connect()) {
      Jdbc.run(connection,
          "CREATE SCHEMA shop",
          "CREATE TABLE shop.orders (id int PRIMARY KEY, customer varchar(20) NOT NULL, "
              + "price numeric(10,2) DEFAULT 1.5, tags text[], at timestamptz(3), doc jsonb, code char(3), f real)",
          "CREATE TABLE shop.lines (n smallint, order_id int, what text, PRIMARY KEY (order_id, n))",
          "CREATE VIEW shop.cheap AS SELECT id, price FROM shop.orders WHERE price < 2",
          "CREATE MATERIALIZED VIEW shop.totals AS SELECT customer, sum(price) AS total FROM shop.orders GROUP BY customer",
          "COMMENT ON TABLE shop.orders IS 'What was ordered'",
          "COMMENT ON COLUMN shop.orders.price IS 'In crowns'",
          "CREATE FUNCTION shop.twice(x int) RETURNS int LANGUAGE SQL AS 'SELECT x * 2'");
    }
    relations();
    columns();
    keys();
    functions();
    theRest();
  }

  private static void relations() {
    check("getTables", data -> {
      expect(List.of("shop|lines_pkey|INDEX|null", "shop|orders_pkey|INDEX|null",
              "shop|totals|MATERIALIZED VIEW|null", "shop|lines|TABLE|null",
              "shop|orders|TABLE|What was ordered", "shop|cheap|VIEW|null"),
          data.getTables(null, "shop", "%", null), "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS");
      expect(List.of("lines", "orders"), data.getTables(null, "shop", null, new String[] {"TABLE"}), "TABLE_NAME");
      expect(List.of("cheap"), data.getTables(null, "shop", "ch%", new String[] {"VIEW"}), "TABLE_NAME");
      expectRow("pg_class|SYSTEM TABLE", data.getTables(null, "pg_catalog", "pg_class", null), "TABLE_NAME", "TABLE_TYPE");
    });
    check("getTableTypes", data -> expectRow("MATERIALIZED VIEW", data.getTableTypes()));
    check("getSchemas", data -> {
      expectRow("shop", data.getSchemas(), "TABLE_SCHEM");
      expect(List.of("shop"), data.getSchemas(null, "sh%"), "TABLE_SCHEM");
    });
    check("getCatalogs", data -> expectRow(Jdbc.url.substring(Jdbc.url.lastIndexOf('/') + 1), data.getCatalogs()));
  }

  private static void columns() {
    check("getColumns", data -> {
      expect(List.of("1|id|4|int4|10|0|0|null|null|NO", "2|customer|12|varchar|20|0|0|null|null|NO",
              "3|price|2|numeric|10|2|1|In crowns|1.5|YES", "4|tags|2003|_text|2147483647|0|1|null|null|YES",
              "5|at|93|timestamptz|32|3|1|null|null|YES", "6|doc|1111|jsonb|2147483647|0|1|null|null|YES",
              "7|code|1|bpchar|3|0|1|null|null|YES", "8|f|7|float4|8|8|1|null|null|YES"),
          data.getColumns(null, "shop", "orders", "%"), "ORDINAL_POSITION", "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME",
          "COLUMN_SIZE", "DECIMAL_DIGITS", "NULLABLE", "REMARKS", "COLUMN_DEF", "IS_NULLABLE");
      expect(List.of("customer|1|NO|NO", "total|2|NO|NO"), data.getColumns(null, "shop", "totals", null),
          "COLUMN_NAME", "ORDINAL_POSITION", "IS_AUTOINCREMENT", "IS_GENERATEDCOLUMN");
      expect(List.of("price|3"), data.getColumns(null, "shop", "orders", "pr%"), "COLUMN_NAME", "ORDINAL_POSITION");
    });
    check("getTypeInfo", data -> {
      expectRow("int8|-5|3|0", data.getTypeInfo(), "TYPE_NAME", "DATA_TYPE", "SEARCHABLE", "MINIMUM_SCALE");
      expectRow("_text|2003", data.getTypeInfo(), "TYPE_NAME", "DATA_TYPE");
    });
    check("getUDTs", data -> expect(List.of(), data.getUDTs(null, "shop", "%", new int[] {java.sql.Types.DISTINCT})));
  }

  private static void keys() {
    check("getPrimaryKeys", data -> {
      expect(List.of("shop|lines|order_id|1|lines_pkey", "shop|lines|n|2|lines_pkey"),
          data.getPrimaryKeys(null, "shop", "lines"), "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME", "KEY_SEQ", "PK_NAME");
      expect(List.of("id"), data.getPrimaryKeys(null, "shop", "orders"), "COLUMN_NAME");
      expect(List.of(), data.getPrimaryKeys(null, "shop", "cheap"));
    });
    check("getIndexInfo", data -> expect(List.of("f|lines_pkey|3|1|order_id|A", "f|lines_pkey|3|2|n|A"),
        data.getIndexInfo(null, "shop", "lines", true, true),
        "NON_UNIQUE", "INDEX_NAME", "TYPE", "ORDINAL_POSITION", "COLUMN_NAME", "ASC_OR_DESC"));
    check("getBestRowIdentifier", data -> expect(List.of("n|5", "order_id|4"),
        data.getBestRowIdentifier(null, "shop", "lines", DatabaseMetaData.bestRowSession, true), "COLUMN_NAME", "DATA_TYPE"));
    check("foreign keys", data -> {
      expect(List.of(), data.getImportedKeys(null, "shop", "orders"));
      expect(List.of(), data.getExportedKeys(null, "shop", "orders"));
      expect(List.of(), data.getCrossReference(null, "shop", "orders", null, "shop", "lines"));
    });
    check("getVersionColumns", data -> Jdbc.rows(data.getVersionColumns(null, "shop", "orders")));
  }

  private static void functions() {
    check("getFunctions", data -> {
      expect(List.of("shop|twice|1"), data.getFunctions(null, "shop", "%"), "FUNCTION_SCHEM", "FUNCTION_NAME", "FUNCTION_TYPE");
      expectRow("lower", data.getFunctions(null, "pg_catalog", "low%"), "FUNCTION_NAME");
    });
    check("getFunctionColumns", data -> expect(List.of("returnValue|4|4", "x|1|4"),
        data.getFunctionColumns(null, "shop", "twice", "%"), "COLUMN_NAME", "COLUMN_TYPE", "DATA_TYPE"));
    check("getProcedures", data -> expect(List.of(), data.getProcedures(null, "shop", "%")));
    check("getProcedureColumns", data -> Jdbc.rows(data.getProcedureColumns(null, "shop", "twice", "%")));
  }

  private static void theRest() {
    check("privileges", data -> {
      Jdbc.rows(data.getTablePrivileges(null, "shop", "orders"));
      Jdbc.rows(data.getColumnPrivileges(null, "shop", "orders", "%"));
    });
    check("facts", data -> {
      Jdbc.equal("PostgreSQL", data.getDatabaseProductName());
      Jdbc.equal(15, data.getDatabaseMajorVersion());
      Jdbc.equal(63, data.getMaxColumnNameLength());
      Jdbc.equal(32, data.getMaxColumnsInIndex());
      Jdbc.equal(Connection.TRANSACTION_READ_COMMITTED, data.getDefaultTransactionIsolation());
      if (data.getSQLKeywords().isEmpty()) throw new AssertionError("no keywords");
      Jdbc.rows(data.getClientInfoProperties());
    });
  }
}
