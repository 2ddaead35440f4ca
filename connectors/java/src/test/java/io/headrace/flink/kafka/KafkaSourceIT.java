package io.headrace.flink.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The source on a real broker, whose address is in HEADRACE_KAFKA (environment or system property). */
@Timeout(120)
class KafkaSourceIT {

    private static final String BROKERS =
            Optional.ofNullable(System.getProperty("HEADRACE_KAFKA")).orElse(System.getenv("HEADRACE_KAFKA"));

    private String topic;
    private Admin admin;

    @BeforeEach
    void topic() throws Exception {
        Assumptions.assumeTrue(BROKERS != null, "HEADRACE_KAFKA is not set");
        admin = Admin.create(Map.of("bootstrap.servers", BROKERS));
        topic = "it-" + UUID.randomUUID();
    }

    @AfterEach
    void close() throws Exception {
        if (admin != null) {
            admin.deleteTopics(List.of(topic)).all().get();
            admin.close();
        }
    }

    private void create(int partitions) throws Exception {
        NewTopic definition = new NewTopic(topic, partitions, (short) 1);
        admin.createTopics(List.of(definition.configs(Map.of("message.timestamp.type", "LogAppendTime")))).all().get();
    }

    private void produce(int partition, int from, int to) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", BROKERS);
        ByteArraySerializer bytes = new ByteArraySerializer();
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings, bytes, bytes)) {
            for (int i = from; i < to; i++) {
                byte[] value = ("{\"id\":" + i + "}").getBytes(StandardCharsets.UTF_8);
                producer.send(new ProducerRecord<>(topic, partition, 1_000L, null, value)).get();
            }
        }
    }

    private void deleteBefore(int partition, long offset) throws Exception {
        TopicPartition where = new TopicPartition(topic, partition);
        admin.deleteRecords(Map.of(where, RecordsToDelete.beforeOffset(offset))).all().get();
    }

    private TableEnvironment environment(String options) {
        TableEnvironment env = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        env.getConfig().set("parallelism.default", "2");
        env.getConfig().set("restart-strategy.type", "fixed-delay");
        env.getConfig().set("restart-strategy.fixed-delay.attempts", "2147483647");
        env.getConfig().set("restart-strategy.fixed-delay.delay", "200 ms");
        env.executeSql(
                "CREATE TEMPORARY TABLE live (id BIGINT, _src_partition INT, _src_offset BIGINT,"
                        + " _src_timestamp TIMESTAMP_LTZ(6), _error STRING) WITH ('connector'='headrace-kafka',"
                        + " 'topic'='" + topic + "', 'bootstrap.servers'='" + BROKERS + "', 'group.id'='" + topic
                        + "', " + options + ")");
        return env;
    }

    private static List<Row> all(TableEnvironment env) throws Exception {
        List<Row> rows = new ArrayList<>();
        try (CloseableIterator<Row> result = env.executeSql("SELECT * FROM live").collect()) {
            result.forEachRemaining(rows::add);
        }
        return rows;
    }

    @Test
    void readsExactlyBetweenTheOffsetsWithTheBrokersTime() throws Exception {
        create(2);
        produce(0, 0, 10);
        produce(1, 0, 10);
        deleteBefore(0, 3);
        List<Row> rows = all(environment("'start.offsets'='0:3;1:5', 'end.offsets'='0:8;1:10'"));
        assertThat(rows).extracting(row -> row.getField(1) + ":" + row.getField(2))
                .containsExactlyInAnyOrder("0:3", "0:4", "0:5", "0:6", "0:7", "1:5", "1:6", "1:7", "1:8", "1:9");
        assertThat(rows).allSatisfy(row -> {
            assertThat((Instant) row.getField(3)).isAfter(Instant.now().minus(Duration.ofMinutes(10)));
            assertThat((long) row.getField(0)).isEqualTo((long) row.getField(2));
            assertThat(row.getField(4)).isNull();
        });
    }

    @Test
    void aDeletedStartOffsetFailsTheJobAtOnce() throws Exception {
        create(1);
        produce(0, 0, 10);
        deleteBefore(0, 6);
        TableEnvironment env = environment("'start.offsets'='0:3'");
        assertThatThrownBy(() -> all(env))
                .rootCause()
                .hasMessageContaining("start offset 3 is gone, the log starts at 6 (3 offsets lost)");
    }

    @Test
    void offsetsBeyondTheLogAndMissingPartitionsFail() throws Exception {
        create(1);
        produce(0, 0, 10);
        assertFails("'start.offsets'='0:11'", "beyond the end of the log at 10");
        assertFails("'start.offsets'='0:0', 'end.offsets'='0:11'", "end offset 11 is beyond");
        assertFails("'start.offsets'='0:0;4:0'", "has no partition [4]");
    }

    private void assertFails(String options, String message) {
        assertThatThrownBy(() -> all(environment(options))).rootCause().hasMessageContaining(message);
    }

    @Test
    void aNewPartitionIsReadFromItsFirstRecord() throws Exception {
        create(1);
        produce(0, 0, 2);
        TableEnvironment env = environment("'start.offsets'='0:1', 'properties.partition.discovery.interval.ms'='500'");
        try (CloseableIterator<Row> result = env.executeSql("SELECT * FROM live").collect()) {
            assertThat(result.next().getField(2)).isEqualTo(1L);
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(2))).all().get();
            produce(1, 0, 3);
            for (long offset = 0; offset < 3; offset++) {
                assertThat(result.next()).satisfies(row -> assertThat(row.getField(1)).isEqualTo(1));
            }
        }
    }

    @Test
    void aNewPartitionThatHasLostRecordsFailsInTheReader() throws Exception {
        create(1);
        produce(0, 0, 1);
        TableEnvironment env =
                environment("'start.offsets'='0:0', 'properties.partition.discovery.interval.ms'='6000'");
        try (CloseableIterator<Row> result = env.executeSql("SELECT * FROM live").collect()) {
            result.next();
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(2))).all().get();
            produce(1, 0, 5);
            deleteBefore(1, 2);
            assertThatThrownBy(result::hasNext)
                    .hasStackTraceContaining("OffsetsLostException")
                    .hasStackTraceContaining("The log no longer holds the next offset to read");
        }
    }
}
