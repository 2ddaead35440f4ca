package io.headrace.flink.kafka;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.table.data.RowData;
import org.apache.flink.util.ExceptionUtils;
import org.apache.kafka.clients.consumer.NoOffsetForPartitionException;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.TopicPartition;

/** Turns Kafka's "offset out of range" into an {@link OffsetsLostException}; all else is the delegate's. */
final class PinnedReader implements SourceReader<RowData, KafkaPartitionSplit> {

    private final SourceReader<RowData, KafkaPartitionSplit> delegate;

    PinnedReader(SourceReader<RowData, KafkaPartitionSplit> delegate) {
        this.delegate = delegate;
    }

    @Override
    public InputStatus pollNext(ReaderOutput<RowData> output) throws Exception {
        try {
            return delegate.pollNext(output);
        } catch (RuntimeException e) {
            throw named(e);
        }
    }

    private static RuntimeException named(RuntimeException error) {
        RuntimeException outOfRange =
                ExceptionUtils.findThrowable(error, OffsetOutOfRangeException.class)
                        .map(cause -> lost(cause.offsetOutOfRangePartitions(), error))
                        .orElse(error);
        return ExceptionUtils.findThrowable(error, NoOffsetForPartitionException.class)
                .<RuntimeException>map(cause -> new OffsetsLostException(cause.getMessage(), error))
                .orElse(outOfRange);
    }

    private static RuntimeException lost(Map<TopicPartition, Long> offsets, Throwable cause) {
        Map<String, Long> sorted = new TreeMap<>();
        offsets.forEach((partition, offset) -> sorted.put(partition.toString(), offset));
        return new OffsetsLostException(
                "The log no longer holds the next offset to read, " + sorted
                        + " (topic-partition=offset): records were deleted before this job read them."
                        + " Nothing was skipped; plan the job anew from the archive.",
                cause);
    }

    @Override
    public void start() {
        delegate.start();
    }

    @Override
    public List<KafkaPartitionSplit> snapshotState(long checkpointId) {
        return delegate.snapshotState(checkpointId);
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        return delegate.isAvailable();
    }

    @Override
    public void addSplits(List<KafkaPartitionSplit> splits) {
        delegate.addSplits(splits);
    }

    @Override
    public void notifyNoMoreSplits() {
        delegate.notifyNoMoreSplits();
    }

    @Override
    public void handleSourceEvents(SourceEvent sourceEvent) {
        delegate.handleSourceEvents(sourceEvent);
    }

    @Override
    public void notifyCheckpointComplete(long checkpointId) throws Exception {
        delegate.notifyCheckpointComplete(checkpointId);
    }

    @Override
    public void notifyCheckpointAborted(long checkpointId) throws Exception {
        delegate.notifyCheckpointAborted(checkpointId);
    }

    @Override
    public void pauseOrResumeSplits(Collection<String> splitsToPause, Collection<String> splitsToResume) {
        delegate.pauseOrResumeSplits(splitsToPause, splitsToResume);
    }

    @Override
    public void close() throws Exception {
        delegate.close();
    }
}
