package io.headrace.flink.pointintime;

import java.util.Comparator;
import org.apache.flink.table.data.RowData;

/** An event of one entity: when it happened and arrived (µs), its place in the source, and its columns. */
record Event(long us, long arrival, int partition, long offset, RowData columns) {

    /** The order of events: of those of one time the source's, so that the answer does not depend on their arrival. */
    static final Comparator<Event> ORDER =
            Comparator.comparingLong(Event::us).thenComparingInt(Event::partition).thenComparingLong(Event::offset);
}
