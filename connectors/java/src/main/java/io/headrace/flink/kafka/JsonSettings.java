package io.headrace.flink.kafka;

import java.io.Serializable;
import java.time.ZoneId;
import java.util.Set;

/** How payloads are read: see the {@code json.*} options. Zone and unit may be null, which refuses such times. */
record JsonSettings(Set<String> required, ZoneId zone, TimeUnitOfNumbers unit, int maxDepth, int maxBytes)
        implements Serializable {}
