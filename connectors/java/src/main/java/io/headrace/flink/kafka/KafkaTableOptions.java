package io.headrace.flink.kafka;

import java.time.Duration;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.MemorySize;

/** The options of {@code 'connector'='headrace-kafka'}. */
public final class KafkaTableOptions {

    public static final ConfigOption<String> TOPIC =
            ConfigOptions.key("topic").stringType().noDefaultValue().withDescription("The one topic that is read.");

    public static final ConfigOption<String> BOOTSTRAP_SERVERS =
            ConfigOptions.key("bootstrap.servers")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("Brokers, host:port,host:port.");

    public static final ConfigOption<String> GROUP_ID =
            ConfigOptions.key("group.id")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("Consumer group for lag metrics; its committed offsets are never read.");

    public static final ConfigOption<String> START_OFFSETS =
            ConfigOptions.key("start.offsets")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "First offset of each partition, 0:123;1:456. Offsets outside the log fail the job."
                                    + " A partition that is not listed is new and is read from offset 0.");

    public static final ConfigOption<String> END_OFFSETS =
            ConfigOptions.key("end.offsets")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("Makes the source bounded: the offset after the last one, by partition.");

    public static final ConfigOption<List<String>> REQUIRED =
            ConfigOptions.key("json.required")
                    .stringType()
                    .asList()
                    .defaultValues()
                    .withDescription(
                            "What must be there and not null, a;b.c;d[], for a column, a field of a ROW and all elements"
                                    + " of an ARRAY; otherwise _error is set.");

    public static final ConfigOption<String> ZONE =
            ConfigOptions.key("json.zone")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("Time zone of times without an offset; without it they are refused.");

    public static final ConfigOption<String> TIME_UNIT =
            ConfigOptions.key("json.time-unit")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("Unit of numeric times since 1970, us, ms or s; without it they are refused.");

    /** Deeper than any event we know of; a bound keeps hostile input from costing time. */
    public static final ConfigOption<Integer> MAX_DEPTH =
            ConfigOptions.key("json.max-depth").intType().defaultValue(64).withDescription("Deepest nesting accepted.");

    /** Kafka's own default limit of a message (message.max.bytes). */
    public static final ConfigOption<MemorySize> MAX_BYTES =
            ConfigOptions.key("json.max-bytes")
                    .memoryType()
                    .defaultValue(MemorySize.ofMebiBytes(1))
                    .withDescription("Largest record that is parsed; of a larger one _raw keeps the first 64 KiB.");

    public static final ConfigOption<Duration> IDLE_AFTER =
            ConfigOptions.key("watermark.idle-after")
                    .durationType()
                    .noDefaultValue()
                    .withDescription(
                            "A partition in which nothing was read for so long has the watermark of the clock, less this"
                                    + " and the delay. Without, it holds back the watermark until a record comes.");

    public static final ConfigOption<Duration> DELAY =
            ConfigOptions.key("watermark.delay")
                    .durationType()
                    .defaultValue(Duration.ZERO)
                    .withDescription("How much older than its arrival a record may be; for idle partitions.");

    /** Ten seconds: a new partition waits no longer than a typical checkpoint. */
    static final Duration PARTITION_DISCOVERY = Duration.ofSeconds(10);

    static final String PROPERTIES_PREFIX = "properties.";

    private KafkaTableOptions() {}
}
