package io.headrace.flink.pointintime;

import org.apache.flink.table.data.RowData;

/** An aggregate that can be split: what is kept of some events, and of several such sets together. */
interface Partial {

    RowData empty();

    void add(RowData kept, Event event, Object argument);

    void merge(RowData kept, Iterable<RowData> others);

    /** The fields of the cell. */
    Object[] fields(RowData kept);
}
