package io.headrace.flink.functions;

import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.catalog.DataTypeFactory;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.AggregateFunction;
import org.apache.flink.table.types.inference.InputTypeStrategies;
import org.apache.flink.table.types.inference.TypeInference;

/**
 * {@code HR_BUCKETS(DOUBLE x) -> BYTES}: how many numbers round alike, as {@link BucketCounts} packs them; what
 * quantiles are read from. NULL values are skipped; NULL without any. Numbers are finite.
 *
 * <p>The bytes depend on the numbers alone: neither on their order nor on how they were split and merged.
 */
public final class HrBuckets extends AggregateFunction<byte[], RowData> {

    @Override
    public RowData createAccumulator() {
        return PackedState.empty();
    }

    public void accumulate(RowData acc, Double x) {
        if (x != null) {
            BucketCounts counts = countsOf(acc);
            counts.add(BucketCounts.bucketOf(x));
            store(counts, acc);
        }
    }

    public void merge(RowData acc, Iterable<RowData> others) {
        BucketCounts counts = countsOf(acc);
        for (RowData other : others) {
            counts.addAll(countsOf(other));
        }
        store(counts, acc);
    }

    @Override
    public byte[] getValue(RowData acc) {
        return PackedState.size(acc) == 0 ? null : countsOf(acc).packed();
    }

    private static BucketCounts countsOf(RowData acc) {
        return new BucketCounts(PackedState.entries(acc), PackedState.size(acc));
    }

    private static void store(BucketCounts counts, RowData acc) {
        PackedState.store(acc, counts.bytes(), counts.size());
    }

    @Override
    public TypeInference getTypeInference(DataTypeFactory typeFactory) {
        return PackedState.types(InputTypeStrategies.explicitSequence(DataTypes.DOUBLE()));
    }
}
