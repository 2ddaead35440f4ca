package io.headrace.flink.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class PinnedContextTest {

    private static final TopicPartition PARTITION = new TopicPartition("t", 3);

    @Test
    void earliestBecomesZeroAndNothingElseChanges() {
        KafkaPartitionSplit discovered = new KafkaPartitionSplit(PARTITION, KafkaPartitionSplit.EARLIEST_OFFSET);
        assertThat(PinnedContext.pinned(discovered)).isEqualTo(new KafkaPartitionSplit(PARTITION, 0));
        KafkaPartitionSplit bounded = new KafkaPartitionSplit(PARTITION, KafkaPartitionSplit.EARLIEST_OFFSET, 9);
        assertThat(PinnedContext.pinned(bounded)).isEqualTo(new KafkaPartitionSplit(PARTITION, 0, 9));
        KafkaPartitionSplit planned = new KafkaPartitionSplit(PARTITION, 7, 9);
        assertThat(PinnedContext.pinned(planned)).isSameAs(planned);
    }
}
