package io.headrace.flink.cassandra;

import java.util.function.IntSupplier;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.ThreadSafeSimpleCounter;

/** Counters of one sink subtask; the driver's threads count too, so they are thread-safe. */
final class SinkMetrics {

    /** Rows that Cassandra has acknowledged, static columns with a time of their own as rows of theirs. */
    final Counter written = new ThreadSafeSimpleCounter();

    /** Rows that never left, because a newer row of their key came within the same flush. */
    final Counter superseded = new ThreadSafeSimpleCounter();

    /** Rows that were past their end when they were to be sent. */
    final Counter expired = new ThreadSafeSimpleCounter();

    /** Attempts after the first one of a request. */
    final Counter retries = new ThreadSafeSimpleCounter();

    void register(MetricGroup group, IntSupplier inFlight, IntSupplier buffered) {
        group.counter("rowsWritten", written);
        group.counter("rowsSuperseded", superseded);
        group.counter("rowsExpired", expired);
        group.counter("retries", retries);
        group.gauge("requestsInFlight", (Gauge<Integer>) inFlight::getAsInt);
        group.gauge("rowsBuffered", (Gauge<Integer>) buffered::getAsInt);
    }
}
