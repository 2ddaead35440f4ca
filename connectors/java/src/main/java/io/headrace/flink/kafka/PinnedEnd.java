package io.headrace.flink.kafka;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.common.TopicPartition;

/**
 * End offsets (exclusive) by partition. A partition that is not listed was created after they were taken:
 * nothing of it belongs to the bounded read.
 *
 * <p>{@link OffsetsLostException} when the log ends before an end offset, since the job would wait for ever.
 */
final class PinnedEnd implements OffsetsInitializer {

    private static final long serialVersionUID = 1L;

    private static final long NOTHING = 0L;

    private final PartitionOffsets offsets;

    PinnedEnd(PartitionOffsets offsets) {
        this.offsets = offsets;
    }

    @Override
    public Map<TopicPartition, Long> getPartitionOffsets(
            Collection<TopicPartition> partitions, PartitionOffsetsRetriever retriever) {
        Map<TopicPartition, Long> logEnds = retriever.endOffsets(partitions);
        Map<TopicPartition, Long> ends = new HashMap<>();
        for (TopicPartition partition : partitions) {
            long end = offsets.of(partition.partition()).orElse(NOTHING);
            if (end > logEnds.get(partition)) {
                throw new OffsetsLostException(
                        "Partition " + partition.partition() + " of topic '" + partition.topic() + "': end offset "
                                + end + " is beyond the end of the log at " + logEnds.get(partition) + ".");
            }
            ends.put(partition, end);
        }
        return ends;
    }

    @Override
    public OffsetResetStrategy getAutoOffsetResetStrategy() {
        return OffsetResetStrategy.NONE;
    }
}
