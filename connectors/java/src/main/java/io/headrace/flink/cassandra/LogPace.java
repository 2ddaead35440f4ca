package io.headrace.flink.cassandra;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** Lets a repeated warning through every few seconds only. */
final class LogPace {

    /** Often enough to see that the sink still tries, seldom enough not to bury the log. */
    private static final long PERIOD_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final AtomicLong nextNanos = new AtomicLong(System.nanoTime());

    boolean isDue() {
        long now = System.nanoTime();
        long next = nextNanos.get();
        return now - next >= 0 && nextNanos.compareAndSet(next, now + PERIOD_NANOS);
    }
}
