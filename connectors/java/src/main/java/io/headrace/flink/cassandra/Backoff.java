package io.headrace.flink.cassandra;

import java.util.concurrent.ThreadLocalRandom;

/** The pause before the next attempt: doubling, bounded, and spread so that subtasks do not return together. */
final class Backoff {

    /** Long enough that an overloaded node gains from it, short enough not to be felt after a lost packet. */
    private static final long FIRST_MS = 100;

    /** A node that was away is used again within seconds. */
    private static final long LAST_MS = 3_000;

    private static final int MAX_DOUBLINGS = 10;

    private Backoff() {}

    /** Milliseconds before attempt {@code attempt + 1}; the first attempt is number 1. */
    static long millis(int attempt) {
        long full = Math.min(LAST_MS, FIRST_MS << Math.min(attempt - 1, MAX_DOUBLINGS));
        return full / 2 + ThreadLocalRandom.current().nextLong(full / 2 + 1);
    }
}
