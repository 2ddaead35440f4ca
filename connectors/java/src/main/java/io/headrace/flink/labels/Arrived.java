package io.headrace.flink.labels;

import java.util.Comparator;
import org.apache.flink.table.data.RowData;

/** A logged row or a label: when it happened (µs), its place in its source, and its columns. */
record Arrived(boolean isLabel, long us, int partition, long offset, RowData columns) {

    /** The order of the rows of one id and source; the first of them counts, whichever is read first. */
    static final Comparator<Arrived> ORDER =
            Comparator.comparingLong(Arrived::us).thenComparingInt(Arrived::partition).thenComparingLong(Arrived::offset);
}
