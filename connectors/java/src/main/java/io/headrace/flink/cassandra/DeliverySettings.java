package io.headrace.flink.cassandra;

import java.io.Serializable;
import java.time.Duration;

/**
 * How one sink subtask sends.
 *
 * @param maxInFlight unacknowledged requests
 * @param bufferBytes heap for rows that are held back before they are sent
 * @param flushInterval the longest time a row is held back
 * @param retryTimeout how long one request is retried
 */
record DeliverySettings(int maxInFlight, long bufferBytes, Duration flushInterval, Duration retryTimeout)
        implements Serializable {}
