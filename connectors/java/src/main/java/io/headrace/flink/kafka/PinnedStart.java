package io.headrace.flink.kafka;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.common.TopicPartition;

/**
 * Start offsets by partition; a partition that is not listed starts at 0. Committed offsets are never asked
 * for, nothing is ever reset.
 *
 * <p>{@link OffsetsLostException} when the topic lacks a listed partition, or when its log no longer (or not
 * yet) holds a start offset: all of them in one message.
 */
final class PinnedStart implements OffsetsInitializer {

    private static final long serialVersionUID = 1L;

    /** Offset of a partition that did not exist when the job was planned. */
    static final long NEW_PARTITION = 0L;

    private final String topic;
    private final PartitionOffsets offsets;

    PinnedStart(String topic, PartitionOffsets offsets) {
        this.topic = topic;
        this.offsets = offsets;
    }

    @Override
    public Map<TopicPartition, Long> getPartitionOffsets(
            Collection<TopicPartition> partitions, PartitionOffsetsRetriever retriever) {
        checkAllExist(partitions);
        Map<TopicPartition, Long> starts = new HashMap<>();
        for (TopicPartition partition : partitions) {
            starts.put(partition, offsets.of(partition.partition()).orElse(NEW_PARTITION));
        }
        checkInsideLog(starts, retriever);
        return starts;
    }

    private void checkAllExist(Collection<TopicPartition> partitions) {
        List<Integer> missing = new ArrayList<>(offsets.asMap().keySet());
        partitions.forEach(partition -> missing.remove((Integer) partition.partition()));
        if (!missing.isEmpty()) {
            throw new OffsetsLostException(
                    "Topic '" + topic + "' has no partition " + missing + ", but start.offsets lists it:"
                            + " is it the topic that was planned, or was it created anew?");
        }
    }

    private static void checkInsideLog(Map<TopicPartition, Long> starts, PartitionOffsetsRetriever retriever) {
        Map<TopicPartition, Long> first = retriever.beginningOffsets(starts.keySet());
        Map<TopicPartition, Long> end = retriever.endOffsets(starts.keySet());
        List<String> lost = new ArrayList<>();
        starts.forEach(
                (partition, start) -> describe(partition, start, first.get(partition), end.get(partition), lost));
        if (!lost.isEmpty()) {
            lost.sort(null);
            throw new OffsetsLostException(String.join("; ", lost) + ". Plan the job anew, or restore the log.");
        }
    }

    private static void describe(TopicPartition partition, long start, long first, long end, List<String> lost) {
        String where =
                "Partition " + partition.partition() + " of topic '" + partition.topic() + "': start offset " + start;
        if (start < first) {
            lost.add(where + " is gone, the log starts at " + first + " (" + (first - start) + " offsets lost)");
        } else if (start > end) {
            lost.add(where + " is beyond the end of the log at " + end);
        }
    }

    @Override
    public OffsetResetStrategy getAutoOffsetResetStrategy() {
        return OffsetResetStrategy.NONE;
    }
}
