package io.headrace.flink.cassandra;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.metadata.TokenMap;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.VarCharType;
import org.apache.flink.types.RowKind;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What one writer does to a table. */
class CassandraWriterIT {

    private static final long SECOND = 1_000_000;
    private static final LogicalType TEXT = VarCharType.STRING_TYPE;
    private static final LogicalType LONG = new BigIntType();

    private static TestCluster cluster;

    @BeforeAll
    static void connect() {
        cluster = new TestCluster();
    }

    @AfterAll
    static void disconnect() {
        if (cluster != null) {
            cluster.close();
        }
        assertThat(SharedSession.openSessions()).isZero();
    }

    @Test
    void aReplayDoesNotOverwriteAFullerValue() throws Exception {
        try (WriterHarness writer = open("replay", List.of("write_time"))) {
            writer.write(row("k", 3L, 30L, 103L)).flush();
            writer.write(row("k", 1L, 10L, 101L)).flush();
            assertThat(only("replay").getLong("a")).isEqualTo(3);
        }
    }

    @Test
    void nullLeavesTheEarlierValueAndNoTombstone() throws Exception {
        try (WriterHarness writer = open("unset", List.of("write_time"))) {
            writer.write(row("k", 1L, 10L, 101L)).flush();
            writer.write(row("k", 2L, null, 102L)).flush();
        }
        assertThat(only("unset").getLong("a")).isEqualTo(2);
        assertThat(only("unset").getLong("b")).isEqualTo(10);
    }

    @Test
    void theBufferDoesNotChangeTheResultOfUnsetColumns() throws Exception {
        try (WriterHarness writer = open("unset_buffered", List.of("write_time"))) {
            writer.write(row("k", 1L, 10L, 101L)).write(row("k", 2L, null, 102L)).flush();
        }
        assertThat(only("unset_buffered").getLong("a")).isEqualTo(2);
        assertThat(only("unset_buffered").getLong("b")).isEqualTo(10);
    }

    @Test
    void onlyTheNewestOfAKeyIsSent() throws Exception {
        try (WriterHarness writer = open("newest", List.of("write_time"))) {
            for (long n = 1; n <= 100; n++) {
                writer.write(row("k", n, n, n));
            }
            writer.flush();
            assertThat(writer.counter("rowsSuperseded")).isEqualTo(99);
            assertThat(writer.counter("rowsWritten")).isEqualTo(1);
        }
        assertThat(only("newest").getLong("a")).isEqualTo(100);
    }

    @Test
    void rowsAreSentWhenTheBuffersMemoryIsFull() throws Exception {
        cluster.table("memory_is_full", "k text PRIMARY KEY, a bigint, b bigint");
        DeliverySettings small = new DeliverySettings(1, 10_000, Duration.ofMinutes(1), Duration.ofMinutes(1));
        TableSettings table = settings("memory_is_full", List.of("write_time"));
        try (WriterHarness writer = new WriterHarness(cluster.connection(), small, table)) {
            writer.write(row("short", 1L, 1L, 1L));
            assertThat(cluster.cql("SELECT * FROM %s.memory_is_full")).as("held back").isEmpty();
            writer.write(row("k".repeat(10_000), 1L, 1L, 1L));
            assertThat(writer.awaitCounter("rowsWritten", 2)).as("without a flush or a timer").isTrue();
        }
    }

    @Test
    void withoutAWriteTimeArrivalDecides() throws Exception {
        try (WriterHarness writer = open("arrival", List.of())) {
            for (long n = 1; n <= 50; n++) {
                writer.write(row("k", n, n));
                writer.fireTimers();
            }
            writer.flush();
        }
        assertThat(only("arrival").getLong("a")).isEqualTo(50);
    }

    @Test
    void aDeleteTakesTheRowAndStaysBelowNewerWrites() throws Exception {
        try (WriterHarness writer = open("gone", List.of("write_time"))) {
            writer.write(row("k", 1L, 10L, 101L)).flush();
            writer.write(deleted(row("k", 1L, 10L, 102L))).flush();
            assertThat(cluster.cql("SELECT * FROM %s.gone")).isEmpty();
            writer.write(row("k", 3L, 30L, 103L)).flush();
            writer.write(deleted(row("k", 1L, 10L, 102L))).flush();
            assertThat(only("gone").getLong("a")).isEqualTo(3);
        }
    }

    @Test
    void aVersionIsNotTakenBackByTheRowBeforeIt() throws Exception {
        try (WriterHarness writer = open("tie", List.of("write_time"))) {
            updateWithTheSameVersion(writer);
        }
        assertThat(cluster.cql("SELECT * FROM %s.tie")).as("with a key, the delete wins the tie").isEmpty();
        cluster.table("versions", "k text PRIMARY KEY, a bigint, b bigint");
        TableSettings versions = new TableSettings(TestCluster.KEYSPACE, "versions", List.of("k", "a", "b"),
                List.of(TEXT, LONG, LONG), List.of(), List.of("write_time"));
        try (WriterHarness writer = open(versions)) {
            updateWithTheSameVersion(writer);
            assertThat(only("versions").getLong("a")).isEqualTo(2);
            writer.write(ofKind(RowKind.DELETE, row("k", 2L, 20L, 105L))).flush();
            assertThat(writer.counter("rowsWritten")).isEqualTo(2);
        }
        assertThat(only("versions").getLong("b")).isEqualTo(20);
    }

    private static void updateWithTheSameVersion(WriterHarness writer) throws Exception {
        writer.write(row("k", 1L, 10L, 101L)).flush();
        writer.write(ofKind(RowKind.UPDATE_BEFORE, row("k", 1L, 10L, 101L)));
        writer.write(ofKind(RowKind.UPDATE_AFTER, row("k", 2L, 20L, 101L))).flush();
    }

    @Test
    void ttlAndExpiresAtEndARow() throws Exception {
        try (WriterHarness writer = open("ends", List.of("expires_at"))) {
            long now = System.currentTimeMillis() * 1_000;
            writer.write(row("past", 1L, 1L, now - SECOND));
            writer.write(row("future", 1L, 1L, now + 100 * SECOND));
            writer.write(row("never", 1L, 1L, null)).flush();
            assertThat(writer.counter("rowsExpired")).isEqualTo(1);
        }
        assertThat(cluster.cql("SELECT k FROM %s.ends")).hasSize(2);
        assertThat(ttl("ends", "future")).isBetween(90, 100);
        assertThat(ttl("ends", "never")).isNull();
    }

    @Test
    void ttlCountsFromArrival() throws Exception {
        try (WriterHarness writer = open("ttls", List.of("ttl"))) {
            writer.write(row("k", 1L, 1L, 60)).write(row("over", 1L, 1L, 0)).flush();
        }
        assertThat(cluster.cql("SELECT k FROM %s.ttls")).hasSize(1);
        assertThat(ttl("ttls", "k")).isBetween(50, 60);
    }

    @Test
    void staticColumnsGoWithTheirRowsAtATimeOfTheirOwnAndNeverExpire() throws Exception {
        cluster.table("seen", "k text, c bigint, v bigint, last bigint STATIC, PRIMARY KEY (k, c)");
        TableSettings table = new TableSettings(TestCluster.KEYSPACE, "seen", List.of("k", "c", "v", "last"),
                List.of(TEXT, LONG, LONG, LONG), List.of(), List.of("write_time", "static_write_time", "expires_at"));
        try (WriterHarness writer = open(table)) {
            writer.write(GenericRowData.of(text("k"), 1L, 10L, 200L, 1_007L, 200L, null));
            writer.write(GenericRowData.of(text("k"), 2L, 20L, 100L, 1_007L, 100L, null));
            writer.write(GenericRowData.of(text("k"), 3L, 30L, null, 1_007L, 300L, null)).flush();
            assertThat(writer.counter("rowsWritten")).as("three rows, one value of the partition").isEqualTo(4);
            assertThat(writer.counter("rowsSuperseded")).isEqualTo(1);
            writer.write(GenericRowData.of(text("k"), 1L, 11L, 150L, 1_008L, 150L, null)).flush();
            writer.write(GenericRowData.of(text("past"), 1L, 1L, 500L, 7L, 500L, 1L)).flush();
        }
        assertThat(cluster.cql("SELECT v, last FROM %s.seen WHERE k = 'k'"))
                .extracting(row -> row.getLong("v") + " " + row.getLong("last"))
                .containsExactly("11 200", "20 200", "30 200");
        Row past = cluster.cql("SELECT c, last FROM %s.seen WHERE k = 'past'").get(0);
        assertThat(past.isNull("c")).isTrue();
        assertThat(past.getLong("last")).isEqualTo(500);
    }

    @Test
    void manyRowsOfOnePartitionAllArrive() throws Exception {
        assertThatAllArrive("wide", "k, c");
    }

    @Test
    void manyPartitionsOfSeveralColumnsAllArrive() throws Exception {
        assertThatAllArrive("narrow", "(k, c)");
    }

    private static void assertThatAllArrive(String name, String key) throws Exception {
        cluster.table(name, "k text, c bigint, v bigint, PRIMARY KEY (" + key + ")");
        TableSettings table = new TableSettings(TestCluster.KEYSPACE, name, List.of("c", "v", "k"),
                List.of(LONG, LONG, TEXT), List.of("k", "c"), List.of());
        try (WriterHarness writer = open(table)) {
            for (long c = 0; c < 1_234; c++) {
                writer.write(GenericRowData.of(c, c * c, text("k" + c % 2)));
            }
            writer.flush();
            assertThat(writer.counter("rowsWritten")).isEqualTo(1_234);
        }
        assertThat(cluster.cql("SELECT c, v FROM %s." + name))
                .hasSize(1_234)
                .allMatch(row -> row.getLong("v") == row.getLong("c") * row.getLong("c"));
    }

    @Test
    void ofPartitionsThatShareARequestARefusedOneIsNamed() throws Exception {
        try (WriterHarness writer = open("shared", List.of())) {
            for (String key : List.of("a", "", "b")) {
                writer.write(row(key, 1L, 1L));
            }
            assertThatThrownBy(writer::flush)
                    .isInstanceOf(CassandraSinkException.class)
                    .hasMessageContaining("refuses the row k=''")
                    .hasMessageNotContaining("more of its partition");
        }
    }

    @Test
    void theTokenOfAPartitionIsTheServers() {
        cluster.table("tokens", "k text, c bigint, v bigint, PRIMARY KEY ((k, c))");
        cluster.cql("INSERT INTO %s.tokens (k, c, v) VALUES ('k', 7, 1)");
        ByteBuffer[] values = {ScalarBytes.bigint(7L), ByteBuffer.wrap("k".getBytes(StandardCharsets.UTF_8))};
        Row row = cluster.cql("SELECT token(k, c) AS place FROM %s.tokens").get(0);
        TokenMap ring = cluster.session().getMetadata().getTokenMap().orElseThrow();
        PendingWrite write = new PendingWrite(null, values, 0, PendingWrite.NEVER, PendingWrite.Kind.ROW);
        assertThat(new Replicas(cluster.session(), TestCluster.KEYSPACE, new int[] {1, 0}).token(ring, write))
                .isEqualTo(row.getToken("place"));
    }

    @Test
    void theNodesOfAPartitionAreKnownInItsKeyspaceAlone() {
        ByteBuffer[] values = {ScalarBytes.bigint(7L), ByteBuffer.wrap("k".getBytes(StandardCharsets.UTF_8))};
        PendingWrite write = new PendingWrite(null, values, 0, PendingWrite.NEVER, PendingWrite.Kind.ROW);
        assertThat(new Replicas(cluster.session(), TestCluster.KEYSPACE, new int[] {1, 0}).of(write)).hasSize(1);
        assertThat(new Replicas(cluster.session(), "nowhere", new int[] {1, 0}).of(write)).isEmpty();
        assertThat(values[0].remaining()).as("reading the key leaves it to be sent").isEqualTo(Long.BYTES);
    }

    @Test
    void aReusedRowIsNotKept() throws Exception {
        GenericRowData reused = row("k1", 1L, 1L);
        try (WriterHarness writer = open("reused", List.of())) {
            writer.write(reused);
            reused.setField(0, text("k2"));
            reused.setField(1, 2L);
            writer.write(reused).flush();
        }
        assertThat(cluster.cql("SELECT a FROM %s.reused WHERE k = 'k1'").get(0).getLong("a")).isEqualTo(1);
    }

    @Test
    void refusesWhatDoesNotFitTheTable() {
        cluster.table("misfit", "k text PRIMARY KEY, a int, b bigint");
        TableSettings misfit = settings("misfit", List.of());
        assertThatThrownBy(() -> open(misfit))
                .hasMessageContainingAll("headrace_sink_it.misfit", "'a'", "BIGINT", "expected bigint", "found int");
        assertThatThrownBy(() -> open(settings("not_there", List.of())))
                .hasMessageContainingAll("no table", "\"headrace_sink_it\".\"not_there\"");
    }

    @Test
    void refusesAnotherDatacenterAndAKeyOfNull() throws Exception {
        cluster.table("nullkey", "k text PRIMARY KEY, a bigint, b bigint");
        ConnectionSettings here = cluster.connection();
        ConnectionSettings elsewhere = new ConnectionSettings(
                here.contactPoints(), "mars", here.keyspace(), null, null, "LOCAL_ONE", here.driver());
        assertThatThrownBy(() -> new WriterHarness(elsewhere, patient(), settings("nullkey", List.of())))
                .hasMessageContainingAll("expected 'mars'", "found [datacenter1]");
        try (WriterHarness writer = open(settings("nullkey", List.of()))) {
            assertThatThrownBy(() -> writer.write(GenericRowData.of(null, 1L, 1L)))
                    .hasMessageContainingAll("nullkey", "column 'k'", "found NULL");
        }
    }

    @Test
    void refusesATtlBeyondTwentyYears() throws Exception {
        try (WriterHarness writer = open("longlived", List.of("expires_at"))) {
            assertThatThrownBy(() -> writer.write(row("k", 1L, 1L, Long.MAX_VALUE - 1)))
                    .hasMessageContainingAll("longlived", "20 years");
        }
    }

    @Test
    void aDroppedTableFailsAtOnceAndNamesTheKey() throws Exception {
        try (WriterHarness writer = open("dropped", List.of())) {
            cluster.cql("DROP TABLE %s.dropped");
            writer.write(row("key-7", 1L, 1L));
            assertThatThrownBy(writer::flush)
                    .hasMessageContainingAll(
                            "headrace_sink_it.dropped", "refuses the row k='key-7'", "Waiting would not");
            assertThat(writer.awaitMail()).as("the task is told even without input").isTrue();
        }
    }

    private static WriterHarness open(String table, List<String> metadata) throws Exception {
        cluster.table(table, "k text PRIMARY KEY, a bigint, b bigint");
        return open(settings(table, metadata));
    }

    private static WriterHarness open(TableSettings table) throws Exception {
        return new WriterHarness(cluster.connection(), patient(), table);
    }

    private static DeliverySettings patient() {
        return WriterHarness.delivery(Duration.ofMinutes(1));
    }

    private static TableSettings settings(String table, List<String> metadata) {
        return new TableSettings(TestCluster.KEYSPACE, table, List.of("k", "a", "b"), List.of(TEXT, LONG, LONG),
                List.of("k"), metadata);
    }

    private static Row only(String table) {
        List<Row> rows = cluster.cql("SELECT * FROM %s." + table);
        assertThat(rows).hasSize(1);
        return rows.get(0);
    }

    private static Integer ttl(String table, String key) {
        return cluster.cql("SELECT ttl(a) AS t FROM %s." + table + " WHERE k = '" + key + "'").get(0)
                .get("t", Integer.class);
    }

    private static GenericRowData row(String key, Object... values) {
        GenericRowData row = new GenericRowData(values.length + 1);
        row.setField(0, text(key));
        for (int i = 0; i < values.length; i++) {
            row.setField(i + 1, values[i]);
        }
        return row;
    }

    private static GenericRowData deleted(GenericRowData row) {
        return ofKind(RowKind.DELETE, row);
    }

    private static GenericRowData ofKind(RowKind kind, GenericRowData row) {
        row.setRowKind(kind);
        return row;
    }

    private static StringData text(String value) {
        return StringData.fromString(value);
    }
}
