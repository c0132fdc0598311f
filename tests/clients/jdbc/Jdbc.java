import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.TreeMap;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.util.PGobject;

/**
 * pgJDBC against a server: `java Jdbc PORT [DATABASE USER]`. Every case prints "ok NAME" or
 * "not ok NAME: why"; jdbc_test.py reads these lines. Metadata.java has what DatabaseMetaData tells.
 */
public class Jdbc {
  interface Case {
    void run(Connection connection) throws Exception;
  }

  static String url;
  static Properties properties = new Properties();
  static boolean failed;

  /** A connection; `options` are pgJDBC's, in turn name and value. */
  static Connection connect(String... options) throws SQLException {
    Properties all = new Properties();
    all.putAll(properties);
    for (int i = 0; i < options.length; i += 2) all.setProperty(options[i], options[i + 1]);
    return DriverManager.getConnection(url, all);
  }

  static void check(String name, Case body) {
    try (Connection connection = connect()) {
      body.run(connection);
      System.out.println("ok " + name);
    } catch (Throwable error) {
      failed = true;
      System.out.println("not ok " + name + ": " + error.toString().replace("\n", " | "));
      for (StackTraceElement at : error.getStackTrace()) {
        if (at.getClassName().startsWith("Jdbc")) System.out.println("#   at " + at);
      }
    }
  }

  static void equal(Object expected, Object got) {
    if (!Objects.deepEquals(expected, got)) {
      throw new AssertionError("expected " + shown(expected) + ", got " + shown(got));
    }
  }

  static String shown(Object value) {
    return value instanceof Object[] many ? Arrays.deepToString(many)
        : value instanceof byte[] bytes ? Arrays.toString(bytes) : String.valueOf(value);
  }

  static void run(Connection connection, String... statements) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      for (String sql : statements) statement.execute(sql);
    }
  }

  /** "a|b|c" for every row; with `columns`, those alone. */
  static List<String> rows(ResultSet set, String... columns) throws SQLException {
    List<String> out = new ArrayList<>();
    int count = set.getMetaData().getColumnCount();
    while (set.next()) {
      List<String> parts = new ArrayList<>();
      if (columns.length == 0) for (int i = 1; i <= count; ++i) parts.add(set.getString(i));
      for (String column : columns) parts.add(set.getString(column));
      out.add(String.join("|", parts.stream().map(String::valueOf).toList()));
    }
    set.close();
    return out;
  }

  static List<String> query(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      return rows(statement.executeQuery(sql));
    }
  }

  /** What goes in as a parameter of `type` comes out: by getObject, and by getString as SQL prints it. */
  static void roundTrip(Connection connection, String type, Object value, Object expected, String text)
      throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT ?::" + type)) {
      for (int i = 0; i < 3; ++i) {  // from the first on with what the driver makes of a repeated statement
        statement.setObject(1, value);
        try (ResultSet set = statement.executeQuery()) {
          set.next();
          Object got = expected instanceof Class<?> ? set.getObject(1)
              : expected == null ? set.getObject(1) : set.getObject(1, expected.getClass());
          equal(expected, got);
          if (text != null) equal(text, set.getString(1));
        }
      }
    }
  }

  static void types(Connection c) throws Exception {
    roundTrip(c, "boolean", true, true, "t");
    roundTrip(c, "smallint", (short) -32768, (short) -32768, "-32768");
    roundTrip(c, "int", Integer.MIN_VALUE, Integer.MIN_VALUE, "-2147483648");
    roundTrip(c, "bigint", Long.MAX_VALUE, Long.MAX_VALUE, "9223372036854775807");
    roundTrip(c, "real", 1.5f, 1.5f, "1.5");
    roundTrip(c, "double precision", -0.1, -0.1, "-0.1");
    roundTrip(c, "numeric", new BigDecimal("-12345.6789"), new BigDecimal("-12345.6789"), "-12345.6789");
    roundTrip(c, "numeric(10,2)", new BigDecimal("1.5"), new BigDecimal("1.50"), "1.50");
    roundTrip(c, "text", "it's \u00e4", "it's \u00e4", "it's \u00e4");
    roundTrip(c, "varchar(3)", "abc", "abc", "abc");
    roundTrip(c, "char(4)", "ab", "ab  ", "ab  ");
    roundTrip(c, "bytea", new byte[] {0, -1}, new byte[] {0, -1}, null);
    UUID uuid = UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
    roundTrip(c, "uuid", uuid, uuid, uuid.toString());
    roundTrip(c, "date", LocalDate.of(2013, 1, 31), LocalDate.of(2013, 1, 31), "2013-01-31");
    roundTrip(c, "date", Date.valueOf("2013-01-31"), Date.valueOf("2013-01-31"), null);
    roundTrip(c, "time", LocalTime.of(23, 59, 59), LocalTime.of(23, 59, 59), "23:59:59");
    LocalDateTime local = LocalDateTime.of(2013, 1, 31, 1, 2, 3, 456_789_000);
    roundTrip(c, "timestamp", local, local, null);
    OffsetDateTime instant = local.atOffset(ZoneOffset.UTC);
    roundTrip(c, "timestamptz", instant, instant, null);
    PGobject json = new PGobject();
    json.setType("jsonb");
    json.setValue("{\"a\": [1, null]}");
    roundTrip(c, "jsonb", json, json, "{\"a\": [1, null]}");
    org.postgresql.util.PGInterval interval = new org.postgresql.util.PGInterval("1 mons 2 days 03:04:05.5");
    roundTrip(c, "interval", interval, interval, null);
    roundTrip(c, "text", null, null, null);
  }

  static void arrays(Connection c) throws Exception {
    try (PreparedStatement statement = c.prepareStatement("SELECT ?::int[], ?::text[], ?::numeric[], 2 = ANY (?)")) {
      for (int i = 0; i < 3; ++i) {
        statement.setArray(1, c.createArrayOf("int4", new Integer[] {1, null, 3}));
        statement.setArray(2, c.createArrayOf("text", new String[] {"a", "b c", null, "\"", ""}));
        statement.setArray(3, c.createArrayOf("numeric", new BigDecimal[] {new BigDecimal("1.50")}));
        statement.setArray(4, c.createArrayOf("int4", new Integer[] {1, 2}));
        ResultSet set = statement.executeQuery();
        set.next();
        equal(new Integer[] {1, null, 3}, set.getArray(1).getArray());
        equal("int4", set.getArray(1).getBaseTypeName());
        equal(new String[] {"a", "b c", null, "\"", ""}, set.getArray(2).getArray());
        equal(new BigDecimal[] {new BigDecimal("1.50")}, set.getArray(3).getArray());
        equal(true, set.getBoolean(4));
      }
    }
    ResultSet set = c.createStatement().executeQuery("SELECT ARRAY[[1, 2], [3, 4]]");
    set.next();
    Array nested = set.getArray(1);
    equal(new Integer[][] {{1, 2}, {3, 4}}, nested.getArray());
    equal(List.of("1|1", "2|2"), rows(c.createArrayOf("int4", new Integer[] {1, 2}).getResultSet()));
  }

  static void describe(Connection c) throws Exception {
    try (PreparedStatement statement =
        c.prepareStatement("SELECT 1 AS n, 1.5::numeric(6,2) AS d, 'x'::varchar(7) AS v, ?::bigint AS p")) {
      ResultSetMetaData data = statement.getMetaData();
      equal("int4", data.getColumnTypeName(1));
      equal(Types.NUMERIC, data.getColumnType(2));
      equal(6, data.getPrecision(2));
      equal(2, data.getScale(2));
      equal(7, data.getColumnDisplaySize(3));
      equal("p", data.getColumnLabel(4));
      equal("java.lang.Long", data.getColumnClassName(4));
      equal("", data.getTableName(1));
      equal(Types.BIGINT, statement.getParameterMetaData().getParameterType(1));
    }
  }

  static void writing(Connection c) throws Exception {
    run(c, "CREATE TABLE written (id int PRIMARY KEY, what text)");
    try (PreparedStatement statement = c.prepareStatement("INSERT INTO written VALUES (?, ?)")) {
      for (int i = 0; i < 1000; ++i) {
        statement.setInt(1, i);
        statement.setString(2, "row " + i);
        statement.addBatch();
      }
      equal(1000, Arrays.stream(statement.executeBatch()).sum());
    }
    try (PreparedStatement statement = c.prepareStatement("UPDATE written SET what = ? WHERE id < ?")) {
      statement.setNull(1, Types.VARCHAR);
      statement.setInt(2, 10);
      equal(10, statement.executeUpdate());
    }
    try (PreparedStatement statement = c.prepareStatement("INSERT INTO written VALUES (5000, 'x')", new String[] {"id"})) {
      equal(1, statement.executeUpdate());
      equal(List.of("5000"), rows(statement.getGeneratedKeys()));
    }
    try (Statement statement = c.createStatement()) {
      equal(false, statement.execute("DELETE FROM written WHERE id = 5000; SELECT count(*) FROM written"));
      equal(1, statement.getUpdateCount());
      equal(true, statement.getMoreResults());
      equal(List.of("1000"), rows(statement.getResultSet()));
    }
    try {
      run(c, "INSERT INTO written VALUES (1, 'again')");
      throw new AssertionError("a second row of one key");
    } catch (SQLException error) {
      equal("23505", error.getSQLState());
    }
  }

  static void transactions(Connection c) throws Exception {
    run(c, "CREATE TABLE moved (id int PRIMARY KEY, n int)");
    c.setAutoCommit(false);
    equal(Connection.TRANSACTION_READ_COMMITTED, c.getTransactionIsolation());
    run(c, "INSERT INTO moved VALUES (1, 10)");
    Savepoint savepoint = c.setSavepoint("before");
    run(c, "INSERT INTO moved VALUES (2, 20)");
    c.rollback(savepoint);
    c.commit();
    equal(List.of("1|10"), query(c, "SELECT * FROM moved"));
    run(c, "DELETE FROM moved");
    c.rollback();
    equal(List.of("1|10"), query(c, "SELECT * FROM moved"));
    c.rollback();
    c.setReadOnly(true);
    try {
      run(c, "DELETE FROM moved");
      throw new AssertionError("a write in a read-only transaction");
    } catch (SQLException error) {
      equal("25006", error.getSQLState());
    }
    c.rollback();
    c.setReadOnly(false);
    c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);  // runs as READ COMMITTED, with a warning
    equal(List.of("1|10"), query(c, "SELECT * FROM moved"));
  }

  static void fetching(Connection c) throws Exception {
    c.setAutoCommit(false);
    try (PreparedStatement statement = c.prepareStatement("SELECT g FROM generate_series(1, ?) AS g ORDER BY g")) {
      statement.setInt(1, 1000);
      statement.setFetchSize(70);
      ResultSet set = statement.executeQuery();
      for (int i = 1; i <= 1000; ++i) {
        equal(true, set.next());
        equal(i, set.getInt(1));
      }
      equal(false, set.next());
    }
    try (Statement statement = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY)) {
      ResultSet set = statement.executeQuery("SELECT g FROM generate_series(1, 10) AS g ORDER BY g");
      equal(true, set.absolute(7));
      equal(7, set.getInt(1));
      equal(true, set.last());
      equal(10, set.getInt(1));
    }
  }

  static void copying(Connection c) throws Exception {
    run(c, "CREATE TABLE copied (id int PRIMARY KEY, what text)");
    var copy = c.unwrap(PGConnection.class).getCopyAPI();
    equal(2L, copy.copyIn("COPY copied FROM STDIN", new StringReader("1\tone\n2\t\\N\n")));
    StringWriter out = new StringWriter();
    equal(2L, copy.copyOut("COPY (SELECT * FROM copied ORDER BY id) TO STDOUT (FORMAT csv)", out));
    equal("1,one\n2,\n", out.toString());
  }

  static void session(Connection c) throws Exception {
    equal(true, c.isValid(5));
    equal("public", c.getSchema());
    run(c, "CREATE SCHEMA other");
    c.setSchema("other");
    equal("other", c.getSchema());
    c.setClientInfo("ApplicationName", "named");
    equal(List.of("named"), query(c, "SHOW application_name"));
    equal(List.of("named|read committed"),
        query(c, "SELECT current_setting('application_name'), current_setting('Default_Transaction_Isolation')"));
    try (Statement statement = c.createStatement()) {
      statement.setQueryTimeout(1);
      statement.executeQuery("SELECT count(*) FROM generate_series(1, 1000) a, generate_series(1, 1000) b, "
          + "generate_series(1, 1000) c, generate_series(1, 1000) d WHERE a + b + c + d < 0");
      throw new AssertionError("an endless query ended");
    } catch (SQLException error) {
      equal("57014", error.getSQLState());
    }
  }

  /** The driver tells the server the zone of its machine. */
  static void anotherZone(Connection unused) throws Exception {
    java.util.TimeZone before = java.util.TimeZone.getDefault();
    java.util.TimeZone.setDefault(java.util.TimeZone.getTimeZone("Europe/Oslo"));
    try (Connection c = connect(); PreparedStatement statement = c.prepareStatement("SELECT ?::timestamptz, ?::timestamp, current_setting('TimeZone')")) {
      LocalDateTime local = LocalDateTime.of(2013, 7, 31, 1, 2, 3);
      OffsetDateTime instant = local.atOffset(ZoneOffset.UTC);
      for (int i = 0; i < 4; ++i) {
        statement.setObject(1, instant);
        statement.setObject(2, local);
        ResultSet set = statement.executeQuery();
        set.next();
        equal(instant, set.getObject(1, OffsetDateTime.class));
        equal(local, set.getObject(2, LocalDateTime.class));
        equal(instant.toInstant(), set.getTimestamp(1).toInstant());
        equal("Europe/Oslo", set.getString(3));
        equal("2013-07-31 03:02:03+02", set.getString(1));
      }
    } finally {
      java.util.TimeZone.setDefault(before);
    }
  }

  public static void main(String[] arguments) throws Exception {
    properties.setProperty("user", arguments.length > 2 ? arguments[2] : "root");
    url = "jdbc:postgresql://127.0.0.1:" + arguments[0] + "/" + (arguments.length > 1 ? arguments[1] : "dev");
    for (String mode : new String[] {"extended", "extendedCacheEverything", "simple"}) {
      // A threshold of -1 asks for the binary format from the first execution on; simple is all text.
      properties.setProperty("preferQueryMode", mode);
      properties.setProperty("prepareThreshold", mode.equals("extendedCacheEverything") ? "-1" : "2");
      check("types of " + mode, Jdbc::types);
      check("arrays of " + mode, Jdbc::arrays);
    }
    properties.remove("preferQueryMode");
    properties.setProperty("prepareThreshold", "2");
    TreeMap<String, Case> cases = new TreeMap<>();
    cases.put("describe", Jdbc::describe);
    cases.put("writing", Jdbc::writing);
    cases.put("transactions", Jdbc::transactions);
    cases.put("fetching", Jdbc::fetching);
    cases.put("copying", Jdbc::copying);
    cases.put("session", Jdbc::session);
    cases.put("another time zone", Jdbc::anotherZone);
    for (var one : cases.entrySet()) check(one.getKey(), one.getValue());
    Metadata.all();
    System.out.println("done");
    System.exit(failed ? 1 : 0);
  }
}
