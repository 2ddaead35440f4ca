package io.headrace.flink.cassandra;

import java.time.Clock;
import java.time.Instant;

/** Wall time in microseconds since the epoch. */
final class MicroClock {

    private static final long MICROS_PER_SECOND = 1_000_000;
    private static final int NANOS_PER_MICRO = 1_000;

    private final Clock clock;
    private long last;

    MicroClock(Clock clock) {
        this.clock = clock;
    }

    long now() {
        Instant now = clock.instant();
        return now.getEpochSecond() * MICROS_PER_SECOND + now.getNano() / NANOS_PER_MICRO;
    }

    /** The time now, or one more than the last answer when the clock has not moved on; one thread only. */
    long next() {
        last = Math.max(last + 1, now());
        return last;
    }
}
