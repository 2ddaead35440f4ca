package io.headrace.flink.cassandra;

import java.time.Duration;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Retries what opening a sink needs (connect, read the schema, prepare) until one common deadline. */
final class Patience {

    private static final Logger LOG = LoggerFactory.getLogger(Patience.class);

    private final Duration timeout;
    private final long deadlineNanos;
    private final LogPace pace = new LogPace();

    Patience(Duration timeout) {
        this.timeout = timeout;
        this.deadlineNanos = System.nanoTime() + timeout.toNanos();
    }

    /** The answer of the first attempt that succeeds; failures that waiting cannot cure end at once. */
    <T> T call(String what, Supplier<T> attempt) throws InterruptedException {
        for (int number = 1; ; number++) {
            try {
                return attempt.get();
            } catch (CassandraSinkException e) {
                throw e;
            } catch (RuntimeException e) {
                waitOrGiveUp(what, number, e);
            }
        }
    }

    private void waitOrGiveUp(String what, int number, RuntimeException failure) throws InterruptedException {
        if (!Failures.isRetryable(failure)) {
            throw new CassandraSinkException("Cannot " + what + ": " + Failures.describe(failure)
                    + ". Waiting would not help: correct the options of the table or the rights of its user.", failure);
        }
        long pause = Backoff.millis(number);
        if (System.nanoTime() + pause * 1_000_000 >= deadlineNanos) {
            throw new CassandraSinkException("Cannot " + what + ": no success in " + number + " attempts within"
                    + " 'sink.retry-timeout' = " + timeout + "; last failure: " + Failures.describe(failure)
                    + ". Start or reach the cluster, or correct 'contact-points', then restart the job.", failure);
        }
        if (pace.isDue()) {
            LOG.warn("Cannot {} yet (attempt {}): {}. Trying again.", what, number, Failures.describe(failure));
        }
        Thread.sleep(pause);
    }
}
