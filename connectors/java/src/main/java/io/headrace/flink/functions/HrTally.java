package io.headrace.flink.functions;

import java.util.List;
import org.apache.flink.table.catalog.DataTypeFactory;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.AggregateFunction;
import org.apache.flink.table.types.inference.TypeInference;

/**
 * {@code HR_TALLY(T x) -> BYTES}: how often each value occurs, exactly, as {@link ValueCounts} packs it; empty bytes
 * where the values are too many to be kept. NULL values are skipped; NULL without any.
 *
 * <p>T is STRING, BIGINT, INT, DOUBLE or BOOLEAN. The bytes depend on the values alone: neither on their order nor on
 * how they were split and merged.
 */
public final class HrTally extends AggregateFunction<byte[], RowData> {

    @Override
    public RowData createAccumulator() {
        return PackedState.empty();
    }

    public void accumulate(RowData acc, Object value) {
        if (value != null) {
            ValueCounts counts = countsOf(acc);
            counts.add(ValueBytes.of(value));
            store(counts, acc);
        }
    }

    public void merge(RowData acc, Iterable<RowData> others) {
        ValueCounts counts = countsOf(acc);
        for (RowData other : others) {
            counts.addAll(countsOf(other));
        }
        store(counts, acc);
    }

    @Override
    public byte[] getValue(RowData acc) {
        return PackedState.size(acc) == 0 ? null : countsOf(acc).packed();
    }

    private static ValueCounts countsOf(RowData acc) {
        return new ValueCounts(PackedState.entries(acc), PackedState.size(acc));
    }

    private static void store(ValueCounts counts, RowData acc) {
        PackedState.store(acc, counts.bytes(), counts.size());
    }

    @Override
    public TypeInference getTypeInference(DataTypeFactory typeFactory) {
        return PackedState.types(new ValueArguments(List.of()));
    }
}
