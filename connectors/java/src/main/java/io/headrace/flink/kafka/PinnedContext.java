package io.headrace.flink.kafka;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;
import org.apache.flink.api.connector.source.ReaderInfo;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.connector.source.SplitsAssignment;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.metrics.groups.SplitEnumeratorMetricGroup;

/**
 * Hands splits on to readers with an explicit start. KafkaSourceEnumerator gives a partition that it discovers
 * later the marker "earliest", which a reader resolves to whatever the log still holds; here it becomes offset
 * 0, so that records deleted before they were read are an error.
 */
final class PinnedContext implements SplitEnumeratorContext<KafkaPartitionSplit> {

    private final SplitEnumeratorContext<KafkaPartitionSplit> delegate;

    PinnedContext(SplitEnumeratorContext<KafkaPartitionSplit> delegate) {
        this.delegate = delegate;
    }

    static KafkaPartitionSplit pinned(KafkaPartitionSplit split) {
        if (split.getStartingOffset() != KafkaPartitionSplit.EARLIEST_OFFSET) {
            return split;
        }
        return new KafkaPartitionSplit(
                split.getTopicPartition(),
                PinnedStart.NEW_PARTITION,
                split.getStoppingOffset().orElse(KafkaPartitionSplit.NO_STOPPING_OFFSET));
    }

    @Override
    public void assignSplits(SplitsAssignment<KafkaPartitionSplit> assignment) {
        Map<Integer, List<KafkaPartitionSplit>> pinned = new HashMap<>();
        assignment
                .assignment()
                .forEach(
                        (reader, splits) -> {
                            List<KafkaPartitionSplit> own = splits.stream().map(PinnedContext::pinned).toList();
                            pinned.put(reader, new ArrayList<>(own));
                        });
        delegate.assignSplits(new SplitsAssignment<>(pinned));
    }

    @Override
    public void assignSplit(KafkaPartitionSplit split, int subtask) {
        delegate.assignSplit(pinned(split), subtask);
    }

    @Override
    public SplitEnumeratorMetricGroup metricGroup() {
        return delegate.metricGroup();
    }

    @Override
    public void sendEventToSourceReader(int subtaskId, SourceEvent event) {
        delegate.sendEventToSourceReader(subtaskId, event);
    }

    @Override
    public void sendEventToSourceReader(int subtaskId, int attemptNumber, SourceEvent event) {
        delegate.sendEventToSourceReader(subtaskId, attemptNumber, event);
    }

    @Override
    public int currentParallelism() {
        return delegate.currentParallelism();
    }

    @Override
    public Map<Integer, ReaderInfo> registeredReaders() {
        return delegate.registeredReaders();
    }

    @Override
    public Map<Integer, Map<Integer, ReaderInfo>> registeredReadersOfAttempts() {
        return delegate.registeredReadersOfAttempts();
    }

    @Override
    public void signalNoMoreSplits(int subtask) {
        delegate.signalNoMoreSplits(subtask);
    }

    @Override
    public <T> void callAsync(Callable<T> callable, BiConsumer<T, Throwable> handler) {
        delegate.callAsync(callable, handler);
    }

    @Override
    public <T> void callAsync(
            Callable<T> callable, BiConsumer<T, Throwable> handler, long initialDelayMillis, long periodMillis) {
        delegate.callAsync(callable, handler, initialDelayMillis, periodMillis);
    }

    @Override
    public void runInCoordinatorThread(Runnable runnable) {
        delegate.runInCoordinatorThread(runnable);
    }

    @Override
    public void setIsProcessingBacklog(boolean isProcessingBacklog) {
        delegate.setIsProcessingBacklog(isProcessingBacklog);
    }
}
