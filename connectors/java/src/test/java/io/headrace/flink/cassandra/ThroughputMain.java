package io.headrace.flink.cassandra;

import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.DoubleType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.VarCharType;

/**
 * Measures one writer against the cluster of {@code HEADRACE_CASSANDRA}: rows per second and CPU seconds of this
 * process per 100,000 rows. Arguments: rows, rows per partition, requests in flight, then {@code path=value} for the
 * driver.
 */
final class ThroughputMain {

    private static final RowType CELL = RowType.of(
            new LogicalType[] {new BigIntType(), new BigIntType(), new DoubleType()}, new String[] {"n", "a", "b"});
    private static final int WARM_UP_ROWS = 50_000;
    private static final double NANOS = 1e9;

    private ThroughputMain() {}

    public static void main(String[] arguments) throws Exception {
        int rows = Integer.parseInt(arguments[0]);
        int perPartition = Integer.parseInt(arguments[1]);
        int inFlight = Integer.parseInt(arguments[2]);
        try (TestCluster cluster = new TestCluster()) {
            cluster.cql("CREATE TYPE IF NOT EXISTS %s.bench_cell (n bigint, a bigint, b double)");
            cluster.table("bench", "k text, level bigint, tile_start bigint, cell frozen<bench_cell>,"
                    + " PRIMARY KEY ((k), level, tile_start)");
            ConnectionSettings connection = cluster.connection();
            for (int i = 3; i < arguments.length; i++) {
                String[] setting = arguments[i].split("=", 2);
                connection.driver().put(setting[0], setting[1]);
            }
            DeliverySettings delivery =
                    new DeliverySettings(inFlight, 10_000, Duration.ofSeconds(1), Duration.ofMinutes(1));
            try (WriterHarness writer = new WriterHarness(connection, delivery, table())) {
                run(writer, WARM_UP_ROWS, perPartition, 1);
                long wall = System.nanoTime();
                long cpu = cpu();
                run(writer, rows, perPartition, 2);
                double seconds = (System.nanoTime() - wall) / NANOS;
                double used = (cpu() - cpu) / NANOS;
                System.out.printf(
                        "rows=%d per-partition=%d in-flight=%d %s: %.0f rows/s, %.2f client CPU-s per 100,000%n",
                        rows, perPartition, inFlight, List.of(arguments).subList(3, arguments.length),
                        rows / seconds, used * 100_000 / rows);
            }
        }
    }

    private static void run(WriterHarness writer, int rows, int perPartition, int seed) throws Exception {
        Random random = new Random(seed);
        for (int i = 0; i < rows; ) {
            StringData key = StringData.fromString("card-" + random.nextInt(10_000_000));
            for (int j = 0; j < perPartition && i < rows; j++, i++) {
                GenericRowData cell = GenericRowData.of((long) i, random.nextLong(), random.nextDouble());
                writer.write(GenericRowData.of(key, 300_000_000L, j * 300_000_000L, cell, 1_000_000L + i));
            }
        }
        writer.flush();
    }

    private static TableSettings table() {
        return new TableSettings(TestCluster.KEYSPACE, "bench", List.of("k", "level", "tile_start", "cell"),
                List.of(VarCharType.STRING_TYPE, new BigIntType(), new BigIntType(), CELL),
                List.of("k", "level", "tile_start"), List.of(WriteMetadata.WRITE_TIME));
    }

    private static long cpu() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }
}
