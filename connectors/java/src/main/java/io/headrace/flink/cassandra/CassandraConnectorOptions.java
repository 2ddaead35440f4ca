package io.headrace.flink.cassandra;

import java.time.Duration;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.MemorySize;

/**
 * The options of {@code 'connector' = 'headrace-cassandra'}; everything under {@code driver.} goes to the driver, where
 * a secret may be a reference too.
 */
public final class CassandraConnectorOptions {

    /** Options with this prefix are settings of the DataStax driver, without its root {@code datastax-java-driver}. */
    public static final String DRIVER_PREFIX = "driver.";

    public static final ConfigOption<String> CONTACT_POINTS =
            ConfigOptions.key("contact-points")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("host:port,host:port of some nodes of the cluster; the port defaults to 9042.");

    public static final ConfigOption<String> LOCAL_DATACENTER =
            ConfigOptions.key("local-datacenter")
                    .stringType()
                    .defaultValue("datacenter1")
                    .withDescription("The datacenter whose nodes take the writes.");

    public static final ConfigOption<String> KEYSPACE =
            ConfigOptions.key("keyspace").stringType().noDefaultValue().withDescription("Keyspace, in its exact case.");

    public static final ConfigOption<String> TABLE =
            ConfigOptions.key("table").stringType().noDefaultValue().withDescription("Table, in its exact case.");

    public static final ConfigOption<String> USERNAME =
            ConfigOptions.key("username")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("Role, or a reference env:NAME or file:/path read where the task runs.");

    public static final ConfigOption<String> PASSWORD =
            ConfigOptions.key("password")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("Password, or a reference env:NAME or file:/path read where the task runs.");

    public static final ConfigOption<String> CONSISTENCY =
            ConfigOptions.key("consistency")
                    .stringType()
                    .defaultValue("LOCAL_QUORUM")
                    .withDescription("Consistency level that a write must reach to count as acknowledged.");

    /** Measured on one node: 128 writes twice as fast as 32, and 256, 512 and 1,024 add nothing but queueing. */
    public static final ConfigOption<Integer> MAX_IN_FLIGHT =
            ConfigOptions.key("sink.max-in-flight")
                    .intType()
                    .defaultValue(128)
                    .withDescription("Unacknowledged requests per sink subtask; the task waits beyond it.");

    /**
     * The more rows are held, the more of them go to their partition in one request. Measured with 200,000 rows of 22,000
     * partitions: 7 MiB, 10,000 rows, cost Cassandra twice the processor seconds of 32 MiB, and 64 MiB gained nothing.
     */
    public static final ConfigOption<MemorySize> BUFFER_MEMORY =
            ConfigOptions.key("sink.buffer-memory")
                    .memoryType()
                    .defaultValue(MemorySize.ofMebiBytes(32))
                    .withDescription("Heap per sink subtask for rows, newest per primary key, before they are sent.");

    public static final ConfigOption<Duration> FLUSH_INTERVAL =
            ConfigOptions.key("sink.flush-interval")
                    .durationType()
                    .defaultValue(Duration.ofSeconds(1))
                    .withDescription("The longest time a row waits in the buffer before it is sent.");

    public static final ConfigOption<Duration> RETRY_TIMEOUT =
            ConfigOptions.key("sink.retry-timeout")
                    .durationType()
                    .defaultValue(Duration.ofMinutes(10))
                    .withDescription("How long one write, or the opening, is retried before the job fails.");

    public static final ConfigOption<Boolean> VERSIONS =
            ConfigOptions.key("sink.versions")
                    .booleanType()
                    .defaultValue(false)
                    .withDescription("Each insert or update is a version of its row and 'write_time' alone decides"
                            + " between versions, whatever the key of the query: rows before an update are neither"
                            + " asked for nor written. Needs 'write_time' and forbids a primary key.");

    private CassandraConnectorOptions() {}
}
