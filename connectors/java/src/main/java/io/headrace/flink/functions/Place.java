package io.headrace.flink.functions;

import java.util.Comparator;

/** Where a row stands among the events: event time (µs), then partition, then offset. */
public record Place(long us, long partition, long offset) implements Comparable<Place> {

    private static final Comparator<Place> ORDER =
            Comparator.comparingLong(Place::us).thenComparingLong(Place::partition).thenComparingLong(Place::offset);

    @Override
    public int compareTo(Place other) {
        return ORDER.compare(this, other);
    }
}
