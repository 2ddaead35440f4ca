package io.headrace.flink.cassandra;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.VarCharType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Cassandra slow, away and back again, seen through a proxy that belongs to the test. */
@Timeout(120)
class OutageIT {

    private static final String TABLE = "outage";
    private static final Duration LONG = Duration.ofMinutes(1);
    private static final Duration SHORT = Duration.ofSeconds(2);
    private static final int ROWS = 2_000;

    private TestCluster cluster;
    private PausableProxy proxy;

    @BeforeEach
    void start() throws Exception {
        cluster = new TestCluster();
        cluster.table(TABLE, "k text PRIMARY KEY, a bigint");
        proxy = new PausableProxy(cluster.contactPoint());
    }

    @AfterEach
    void stop() throws Exception {
        proxy.close();
        cluster.close();
    }

    @Test
    void flushReturnsOnlyWhenAllIsAcknowledged() throws Exception {
        try (WriterHarness writer = open(LONG)) {
            proxy.holdAnswers();
            writer.write(row(0));
            CompletableFuture<Void> flush = inBackground(writer::flush);
            assertThatThrownBy(() -> flush.get(2, TimeUnit.SECONDS)).isInstanceOf(TimeoutException.class);
            assertThat(writer.counter("rowsWritten")).isZero();
            proxy.letAnswersPass();
            flush.get(30, TimeUnit.SECONDS);
            assertThat(writer.counter("rowsWritten")).isEqualTo(1);
        }
    }

    @Test
    void nothingIsLostWhenCassandraGoesAndComesBack() throws Exception {
        try (WriterHarness writer = open(LONG)) {
            for (int i = 0; i < ROWS; i++) {
                writer.write(row(i));
            }
            proxy.goDown();
            CompletableFuture<Void> flush = inBackground(writer::flush);
            assertThatThrownBy(() -> flush.get(3, TimeUnit.SECONDS)).isInstanceOf(TimeoutException.class);
            proxy.comeBack();
            flush.get(60, TimeUnit.SECONDS);
            assertThat(writer.counter("retries")).isPositive();
        }
        assertThat(cluster.cql("SELECT k FROM %s." + TABLE)).hasSize(ROWS);
    }

    @Test
    void givesUpAfterTheRetryTimeoutAndNamesTableKeyAndCause() throws Exception {
        try (WriterHarness writer = open(SHORT)) {
            writer.write(row(7));
            proxy.goDown();
            assertThatThrownBy(writer::flush).hasMessageContainingAll(
                    "headrace_sink_it.outage", "k='k7'", "attempts within 'sink.retry-timeout' = PT2S", "last failure:",
                    "last checkpoint");
            assertThatThrownBy(() -> writer.write(row(8))).hasMessageContaining("k='k7'");
        }
    }

    @Test
    void waitsForACassandraThatIsNotThereYet() throws Exception {
        proxy.goDown();
        CompletableFuture<Void> opened = inBackground(() -> {
            try (WriterHarness writer = open(LONG)) {
                writer.write(row(1)).flush();
            }
        });
        assertThatThrownBy(() -> opened.get(2, TimeUnit.SECONDS)).isInstanceOf(TimeoutException.class);
        proxy.comeBack();
        opened.get(60, TimeUnit.SECONDS);
        assertThat(cluster.cql("SELECT k FROM %s." + TABLE)).hasSize(1);
    }

    @Test
    void opensNoLongerThanTheRetryTimeout() throws Exception {
        proxy.goDown();
        assertThatThrownBy(() -> open(SHORT)).hasMessageContainingAll(
                "Cannot connect to cassandra://" + proxy.contactPoint(), "within 'sink.retry-timeout' = PT2S",
                "contact-points");
        assertThat(SharedSession.openSessions()).isZero();
    }

    private WriterHarness open(Duration retryTimeout) throws Exception {
        TableSettings table = new TableSettings(TestCluster.KEYSPACE, TABLE, List.of("k", "a"),
                List.of(VarCharType.STRING_TYPE, new BigIntType()), List.of("k"), List.of());
        return new WriterHarness(
                cluster.connection(proxy.contactPoint()), WriterHarness.delivery(retryTimeout), table);
    }

    private static GenericRowData row(int i) {
        return GenericRowData.of(StringData.fromString("k" + i), (long) i);
    }

    private static CompletableFuture<Void> inBackground(Work work) {
        return CompletableFuture.runAsync(() -> {
            try {
                work.run();
            } catch (Exception e) {
                throw new CompletionException(e);
            }
        });
    }

    private interface Work {
        void run() throws Exception;
    }
}
