package io.headrace.flink.append;

import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.table.data.RowData;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.Collector;

/** Passes inserts, and update-afters as inserts; drops update-befores and deletes. */
public final class UpsertsOnly implements FlatMapFunction<RowData, RowData> {

    private static final long serialVersionUID = 1L;

    /** The row belongs to the operator before this one, so its kind is put back. */
    @Override
    public void flatMap(RowData row, Collector<RowData> out) {
        RowKind kind = row.getRowKind();
        if (kind == RowKind.INSERT) {
            out.collect(row);
        } else if (kind == RowKind.UPDATE_AFTER) {
            row.setRowKind(RowKind.INSERT);
            out.collect(row);
            row.setRowKind(kind);
        }
    }
}
