package io.headrace.flink.cassandra;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.data.UdtValue;
import java.util.List;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The sink as Flink SQL sees it, in jobs on a small cluster in this JVM. */
class CassandraSqlIT {

    @RegisterExtension
    static final MiniClusterExtension FLINK = new MiniClusterExtension(new MiniClusterResourceConfiguration.Builder()
            .setNumberTaskManagers(1)
            .setNumberSlotsPerTaskManager(2)
            .build());

    private static TestCluster cluster;
    private TableEnvironment tables;

    @BeforeAll
    static void connect() {
        cluster = new TestCluster();
    }

    @AfterAll
    static void disconnect() {
        if (cluster != null) {
            cluster.close();
        }
    }

    @BeforeEach
    void environment() {
        tables = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        tables.getConfig().set("parallelism.default", "2");
        tables.getConfig().set("table.local-time-zone", "UTC");
        tables.getConfig().set("restart-strategy.type", "disable");
    }

    @Test
    void tilesArriveWithTheirLastCellAndVersion() throws Exception {
        cluster.cql("DROP TABLE IF EXISTS %s.tiles");
        cluster.cql("CREATE TYPE IF NOT EXISTS %s.tiles_cell (n bigint, sum_x bigint, max_x bigint)");
        cluster.table("tiles", "k text, level bigint, tile_start bigint, cell frozen<tiles_cell>,"
                + " last_event_time bigint STATIC, PRIMARY KEY ((k), level, tile_start)");
        sink("tile_sink", "tiles", "k STRING, level BIGINT, tile_start BIGINT, cell ROW<n BIGINT, sum_x BIGINT,"
                + " max_x BIGINT>, last_event_time BIGINT, write_time BIGINT METADATA,"
                + " static_write_time BIGINT METADATA", ", 'sink.versions' = 'true'");
        events(10_000);
        tables.executeSql("INSERT INTO tile_sink SELECT k, CAST(300 AS BIGINT), tile, ROW(n, s, m), m, tile + n, m FROM"
                + " (SELECT k, x / 1000 AS tile, COUNT(*) AS n, SUM(x) AS s, MAX(x) AS m FROM events GROUP BY k,"
                + " x / 1000)").await();
        assertTiles(cluster.cql("SELECT k, tile_start, cell, last_event_time, writetime(cell) AS w FROM %s.tiles"));
    }

    /** Keys 0 to 4 take every fifth number each: 200 of every thousand. */
    private static void assertTiles(List<Row> rows) {
        assertThat(rows).hasSize(5 * 10);
        long sum = 0;
        for (Row row : rows) {
            UdtValue cell = row.getUdtValue("cell");
            assertThat(cell.getLong("n")).isEqualTo(200);
            assertThat(row.getLong("w")).isEqualTo(row.getLong("tile_start") + 200);
            assertThat(row.getLong("last_event_time")).isEqualTo(9_995 + Long.parseLong(row.getString("k")));
            sum += cell.getLong("sum_x");
        }
        assertThat(sum).isEqualTo(10_000L * 9_999 / 2);
    }

    @Test
    void allTypesArriveThroughSql() throws Exception {
        cluster.cql("DROP TABLE IF EXISTS %s.\"Types\"");
        cluster.cql("CREATE TABLE %s.\"Types\" (\"Key\" text PRIMARY KEY, i int, s smallint, t tinyint, d double,"
                + " f float, b boolean, m decimal, x blob, us bigint, ts timestamp, l frozen<list<text>>)");
        sink("types_sink", "Types", "`Key` STRING, i INT, s SMALLINT, t TINYINT, d DOUBLE, f FLOAT, b BOOLEAN,"
                + " m DECIMAL(10, 2), x BYTES, us TIMESTAMP_LTZ(6), ts TIMESTAMP_LTZ(3), l ARRAY<STRING>,"
                + " PRIMARY KEY (`Key`) NOT ENFORCED");
        tables.executeSql("INSERT INTO types_sink SELECT 'k', 1, CAST(2 AS SMALLINT), CAST(3 AS TINYINT), 4.5E0,"
                + " CAST(5.5 AS FLOAT), TRUE, 6.78, X'0102', CAST(TIMESTAMP '2020-01-01 00:00:00.123456' AS"
                + " TIMESTAMP_LTZ(6)), TO_TIMESTAMP_LTZ(1500, 3), ARRAY['p', 'q']").await();
        Row row = cluster.cql("SELECT * FROM %s.\"Types\"").get(0);
        assertThat(row.getFormattedContents()).contains("i:1", "s:2", "t:3", "d:4.5", "f:5.5", "b:true", "m:6.78",
                "x:0x0102", "us:1577836800123456", "ts:'1970-01-01T00:00:01.500Z'", "l:['p','q']");
    }

    @Test
    void aRetractionDeletesTheRow() throws Exception {
        cluster.table("few", "k text PRIMARY KEY, n bigint");
        sink("few_sink", "few", "k STRING, n BIGINT, PRIMARY KEY (k) NOT ENFORCED");
        events(1_000);
        tables.executeSql("INSERT INTO few_sink SELECT * FROM (SELECT k, COUNT(*) AS n FROM events GROUP BY k)"
                + " WHERE n < 150 OR k = '3'").await();
        assertThat(cluster.cql("SELECT k, n FROM %s.few")).hasSize(1).allMatch(row -> row.getLong("n") == 200);
    }

    @Test
    void versionsStayWhenTheQueryTakesThemBack() throws Exception {
        cluster.table("kept", "k text PRIMARY KEY, n bigint");
        sink("kept_sink", "kept", "k STRING, n BIGINT, write_time BIGINT METADATA", ", 'sink.versions' = 'true'");
        events(1_000);
        tables.executeSql("INSERT INTO kept_sink SELECT k, n, n FROM (SELECT k, COUNT(*) AS n FROM events GROUP BY k)"
                + " WHERE n < 150 OR k = '3'").await();
        assertThat(cluster.cql("SELECT k, n FROM %s.kept"))
                .hasSize(5)
                .allMatch(row -> row.getLong("n") == (row.getString("k").equals("3") ? 200 : 149));
    }

    @Test
    void aMissingTableEndsTheJobWithTheReason() {
        sink("nowhere_sink", "nowhere", "k STRING");
        assertThatThrownBy(() -> tables.executeSql("INSERT INTO nowhere_sink VALUES ('k')").await())
                .hasStackTraceContaining("Cassandra has no table \"headrace_sink_it\".\"nowhere\"");
    }

    private void events(int count) {
        tables.executeSql("CREATE TEMPORARY TABLE numbers (x BIGINT) WITH ('connector' = 'datagen',"
                + " 'fields.x.kind' = 'sequence', 'fields.x.start' = '0', 'fields.x.end' = '" + (count - 1) + "')");
        tables.executeSql("CREATE TEMPORARY VIEW events AS SELECT CAST(MOD(x, 5) AS STRING) AS k, x FROM numbers");
    }

    private void sink(String name, String table, String columns) {
        sink(name, table, columns, "");
    }

    private void sink(String name, String table, String columns, String options) {
        tables.executeSql("CREATE TEMPORARY TABLE " + name + " (" + columns + ") WITH ('connector' ="
                + " 'headrace-cassandra', 'contact-points' = '" + cluster.contactPoint() + "', 'keyspace' = '"
                + TestCluster.KEYSPACE + "', 'table' = '" + table + "', 'consistency' = 'LOCAL_ONE',"
                + " 'sink.retry-timeout' = '30 s'" + options + ")");
    }
}
