package io.headrace.flink.functions;

import java.util.List;
import org.apache.flink.table.catalog.DataTypeFactory;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.AggregateFunction;
import org.apache.flink.table.types.inference.TypeInference;

/**
 * {@code HR_DISTINCT(T x) -> BYTES}: the distinct values as a Theta sketch, exact to 4,096 values, then within
 * 1.6 % (one standard error); NULL values are skipped, without any the sketch is empty.
 *
 * <p>T is STRING, BIGINT, INT, DOUBLE or BOOLEAN. The bytes are an ordered compact sketch (serial version 3,
 * seed 9001) that every DataSketches library reads and unions. They depend on the set of values alone: neither
 * on their order nor on how the set was split and merged.
 */
public final class HrDistinct extends AggregateFunction<byte[], RowData> {

    @Override
    public RowData createAccumulator() {
        return PackedState.empty();
    }

    public void accumulate(RowData acc, Object value) {
        if (value != null) {
            SmallestHashes set = setOf(acc);
            if (set.add(ThetaHash.of(value))) {
                store(set, acc);
            }
        }
    }

    public void merge(RowData acc, Iterable<RowData> others) {
        SmallestHashes set = setOf(acc);
        for (RowData other : others) {
            set.addAll(setOf(other));
        }
        store(set, acc);
    }

    @Override
    public byte[] getValue(RowData acc) {
        return ThetaBytes.of(setOf(acc));
    }

    private static SmallestHashes setOf(RowData acc) {
        return new SmallestHashes(PackedState.entries(acc), PackedState.size(acc));
    }

    private static void store(SmallestHashes set, RowData acc) {
        PackedState.store(acc, set.bytes(), set.size());
    }

    @Override
    public TypeInference getTypeInference(DataTypeFactory typeFactory) {
        return PackedState.types(new ValueArguments(List.of()));
    }
}
