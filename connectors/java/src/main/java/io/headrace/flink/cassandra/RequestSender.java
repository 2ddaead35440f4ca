package io.headrace.flink.cassandra;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.Statement;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends requests with a bounded number in flight and retries them until they are acknowledged.
 *
 * <p>{@link #send}, {@link #awaitAll} and {@link #throwIfFailed} belong to one thread; the rest runs on the driver's
 * threads and on the retry timer. After the first final failure nothing is sent any more.
 */
final class RequestSender {

    private static final Logger LOG = LoggerFactory.getLogger(RequestSender.class);

    /** How soon a waiting task notices a failure. */
    private static final long FAILURE_CHECK_MS = 100;

    private final CqlSession session;
    private final ScheduledExecutorService timer;
    private final StatementBinder binder;
    private final String table;
    private final MicroClock clock;
    private final SinkMetrics metrics;
    private final int maxInFlight;
    private final Duration retryTimeout;
    private final Runnable onFailure;
    private final int partitionColumns;
    private final Semaphore permits;
    private final AtomicReference<CassandraSinkException> failure = new AtomicReference<>();
    private final LogPace pace = new LogPace();
    private volatile boolean closed;

    /**
     * A sender for one writer.
     *
     * @param onFailure called once, on another thread, when the sender has given up
     */
    RequestSender(
            SharedSession shared,
            StatementBinder binder,
            String table,
            DeliverySettings delivery,
            MicroClock clock,
            SinkMetrics metrics,
            Runnable onFailure) {
        this.session = shared.cql();
        this.timer = shared.timer();
        this.binder = binder;
        this.table = table;
        this.clock = clock;
        this.metrics = metrics;
        this.maxInFlight = delivery.maxInFlight();
        this.retryTimeout = delivery.retryTimeout();
        this.onFailure = onFailure;
        this.partitionColumns = binder.shape().partitionColumns();
        this.permits = new Semaphore(maxInFlight);
    }

    /** Sends the rows of one request; waits while too many requests are in flight. */
    void send(List<PendingWrite> writes) throws InterruptedException {
        acquire(1);
        attempt(new Request(writes, System.nanoTime() + retryTimeout.toNanos()));
    }

    /** Returns when everything sent is acknowledged; throws when one request cannot be. */
    void awaitAll() throws InterruptedException {
        acquire(maxInFlight);
        permits.release(maxInFlight);
        throwIfFailed();
    }

    void throwIfFailed() {
        CassandraSinkException cause = failure.get();
        if (cause != null) {
            throw new CassandraSinkException(cause.getMessage(), cause);
        }
    }

    int inFlight() {
        return maxInFlight - permits.availablePermits();
    }

    /** Stops retrying; what is on the wire may still arrive. */
    void close() {
        closed = true;
    }

    private void acquire(int count) throws InterruptedException {
        do {
            throwIfFailed();
        } while (!permits.tryAcquire(count, FAILURE_CHECK_MS, TimeUnit.MILLISECONDS));
    }

    private void attempt(Request request) {
        if (closed || failure.get() != null) {
            permits.release();
            return;
        }
        try {
            request.attempts++;
            sendAlive(request);
        } catch (RuntimeException e) {
            settle(request, 0, e);
        }
    }

    /** TTL is what remains now, so each attempt binds anew and leaves out what has expired meanwhile. */
    private void sendAlive(Request request) {
        long now = clock.now();
        List<PendingWrite> alive = request.writes;
        if (alive.stream().anyMatch(write -> write.isExpired(now))) {
            alive = alive.stream().filter(write -> !write.isExpired(now)).toList();
            metrics.expired.inc(request.writes.size() - alive.size());
            request.writes = alive;
        }
        if (alive.isEmpty()) {
            goOn(request);
            return;
        }
        int rows = alive.size();
        Statement<?> statement = binder.bind(alive, now);
        session.executeAsync(statement).whenComplete((answer, error) -> settleSafely(request, rows, error));
    }

    /** Nobody hears an exception of this callback, so it must not lose the permit nor the failure. */
    private void settleSafely(Request request, int rows, Throwable error) {
        try {
            settle(request, rows, error);
        } catch (RuntimeException e) {
            fail(new CassandraSinkException("The sink of Cassandra table " + table + " broke while it handled an"
                    + " answer: " + e, e));
        }
    }

    private void settle(Request request, int rows, Throwable error) {
        if (error == null) {
            metrics.written.inc(rows);
            goOn(request);
        } else if (!Failures.isRetryable(error)) {
            refused(request, error);
        } else {
            retryLater(request, error);
        }
    }

    /** Sends what a refused request had besides, if it was one; else its permit is free. */
    private void goOn(Request request) {
        if (request.others.isEmpty()) {
            permits.release();
        } else {
            request.writes = request.others.remove();
            attempt(request);
        }
    }

    /**
     * Several partitions are tried one by one: a node may take less in a request than it does by default, and of rows
     * that are refused the error names the one.
     */
    private void refused(Request request, Throwable error) {
        List<List<PendingWrite>> partitions = Batches.byPartition(request.writes, partitionColumns);
        if (partitions.size() == 1) {
            fail(finalFailure(request, error));
        } else {
            request.others.addAll(partitions);
            goOn(request);
        }
    }

    private void retryLater(Request request, Throwable error) {
        long pause = Backoff.millis(request.attempts);
        if (System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(pause) >= request.deadlineNanos) {
            fail(timedOut(request, error));
            return;
        }
        metrics.retries.inc();
        if (pace.isDue()) {
            LOG.warn("Cassandra table {} does not take writes (attempt {}, {} requests in flight): {}. Trying again.",
                    table, request.attempts, inFlight(), Failures.describe(error));
        }
        try {
            timer.schedule(() -> attempt(request), pause, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            fail(timedOut(request, error));
        }
    }

    private void fail(CassandraSinkException cause) {
        boolean first = failure.compareAndSet(null, cause);
        permits.release();
        if (first && !closed) {
            onFailure.run();
        }
    }

    private CassandraSinkException timedOut(Request request, Throwable error) {
        return new CassandraSinkException("Cassandra table " + table + " did not take " + what(request) + ": no"
                + " acknowledgement in " + request.attempts + " attempts within 'sink.retry-timeout' = " + retryTimeout
                + "; last failure: " + Failures.describe(error) + ". Nothing is lost: bring the cluster back (or raise"
                + " 'sink.retry-timeout') and the job goes on from its last checkpoint.", Failures.rootOf(error));
    }

    private CassandraSinkException finalFailure(Request request, Throwable error) {
        return new CassandraSinkException("Cassandra table " + table + " refuses " + what(request) + ": "
                + Failures.describe(error) + ". Waiting would not help: correct the table, the rights of its user or"
                + " the row, then restart from the last checkpoint.", Failures.rootOf(error));
    }

    private String what(Request request) {
        int others = request.writes.size() - 1;
        return "the row " + binder.describeKey(request.writes.get(0))
                + (others > 0 ? " and " + others + " more of its partition" : "");
    }

    /** Rows that go together, and how long they may still be tried. */
    private static final class Request {
        private final long deadlineNanos;
        private final Queue<List<PendingWrite>> others = new ArrayDeque<>();
        private List<PendingWrite> writes;
        private int attempts;

        private Request(List<PendingWrite> writes, long deadlineNanos) {
            this.writes = writes;
            this.deadlineNanos = deadlineNanos;
        }
    }
}
