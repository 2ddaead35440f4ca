package io.headrace.flink.kafka;

import static io.headrace.flink.kafka.KafkaTableOptions.BOOTSTRAP_SERVERS;
import static io.headrace.flink.kafka.KafkaTableOptions.END_OFFSETS;
import static io.headrace.flink.kafka.KafkaTableOptions.GROUP_ID;
import static io.headrace.flink.kafka.KafkaTableOptions.MAX_BYTES;
import static io.headrace.flink.kafka.KafkaTableOptions.MAX_DEPTH;
import static io.headrace.flink.kafka.KafkaTableOptions.PROPERTIES_PREFIX;
import static io.headrace.flink.kafka.KafkaTableOptions.REQUIRED;
import static io.headrace.flink.kafka.KafkaTableOptions.START_OFFSETS;
import static io.headrace.flink.kafka.KafkaTableOptions.TIME_UNIT;
import static io.headrace.flink.kafka.KafkaTableOptions.TOPIC;
import static io.headrace.flink.kafka.KafkaTableOptions.ZONE;

import java.io.Serializable;
import java.time.DateTimeException;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.connector.kafka.source.KafkaSourceOptions;
import org.apache.flink.table.api.ValidationException;
import org.apache.kafka.clients.consumer.ConsumerConfig;

/**
 * The checked options of one table. Each error names the option, what was expected and what was found.
 *
 * @param end null: the scan is unbounded
 * @param properties of Kafka's client; secrets are still references
 */
record KafkaTableSettings(
        String topic,
        PartitionOffsets start,
        PartitionOffsets end,
        JsonSettings json,
        Map<String, String> properties)
        implements Serializable {

    /** What makes reading exact; the user may not set them. */
    private static final Map<String, String> FIXED =
            Map.of(
                    ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed",
                    ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false",
                    ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");

    static KafkaTableSettings of(ReadableConfig options, Map<String, String> all) {
        PartitionOffsets start = PartitionOffsets.parse(START_OFFSETS.key(), options.get(START_OFFSETS));
        PartitionOffsets end = options.getOptional(END_OFFSETS)
                .map(text -> PartitionOffsets.parse(END_OFFSETS.key(), text))
                .orElse(null);
        if (end != null) {
            checkRange(start, end);
        }
        return new KafkaTableSettings(options.get(TOPIC), start, end, json(options), properties(options, all));
    }

    private static void checkRange(PartitionOffsets start, PartitionOffsets end) {
        start.asMap()
                .forEach(
                        (partition, first) -> {
                            long last = end.of(partition).orElse(-1);
                            if (last < first) {
                                throw new ValidationException(
                                        "Option '" + END_OFFSETS.key() + "' must list partition " + partition
                                                + " with at least its start offset " + first + ", found "
                                                + (last < 0 ? "nothing" : last) + ".");
                            }
                        });
    }

    private static JsonSettings json(ReadableConfig options) {
        return new JsonSettings(
                Set.copyOf(options.get(REQUIRED)),
                options.getOptional(ZONE).map(KafkaTableSettings::zone).orElse(null),
                options.getOptional(TIME_UNIT).map(unit -> TimeUnitOfNumbers.parse(TIME_UNIT.key(), unit)).orElse(null),
                atLeastOne(MAX_DEPTH.key(), options.get(MAX_DEPTH)),
                atLeastOne(MAX_BYTES.key(), Math.toIntExact(options.get(MAX_BYTES).getBytes())));
    }

    private static int atLeastOne(String option, int value) {
        if (value < 1) {
            throw new ValidationException("Option '" + option + "' must be at least 1, found " + value + ".");
        }
        return value;
    }

    private static ZoneId zone(String name) {
        try {
            return ZoneId.of(name);
        } catch (DateTimeException e) {
            throw new ValidationException(
                    "Option '" + ZONE.key() + "' must be a time zone like 'UTC' or 'Europe/Zurich', found '" + name
                            + "'.",
                    e);
        }
    }

    private static Map<String, String> properties(ReadableConfig options, Map<String, String> all) {
        Map<String, String> properties = new HashMap<>();
        all.forEach(
                (key, value) -> {
                    if (key.startsWith(PROPERTIES_PREFIX)) {
                        properties.put(key.substring(PROPERTIES_PREFIX.length()), value);
                    }
                });
        refuseReserved(properties);
        properties.putIfAbsent(
                KafkaSourceOptions.PARTITION_DISCOVERY_INTERVAL_MS.key(),
                String.valueOf(KafkaTableOptions.PARTITION_DISCOVERY.toMillis()));
        properties.putAll(FIXED);
        properties.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, options.get(BOOTSTRAP_SERVERS));
        properties.put(ConsumerConfig.GROUP_ID_CONFIG, options.get(GROUP_ID));
        return properties;
    }

    private static void refuseReserved(Map<String, String> properties) {
        Set<String> reserved = new TreeSet<>(FIXED.keySet());
        reserved.add(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG);
        reserved.add(ConsumerConfig.GROUP_ID_CONFIG);
        reserved.retainAll(properties.keySet());
        if (!reserved.isEmpty()) {
            throw new ValidationException(
                    "Options " + reserved + " under '" + PROPERTIES_PREFIX
                            + "' are fixed by the connector or have an option of their own.");
        }
    }
}
