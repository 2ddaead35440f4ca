package io.headrace.flink.functions;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.AggregateFunction;

/**
 * {@code HR_BUCKETS(DOUBLE x) -> BYTES}: how many numbers round alike, as {@link BucketCounts} packs them; what
 * quantiles are read from. NULL values are skipped; NULL without any. Numbers are finite.
 *
 * <p>The bytes depend on the numbers alone: neither on their order nor on how they were split and merged.
 */
@FunctionHint(
        accumulator =
                @DataTypeHint(value = "ROW<counts BYTES NOT NULL, n INT NOT NULL>", bridgedTo = RowData.class),
        output = @DataTypeHint("BYTES"))
public final class HrBuckets extends AggregateFunction<byte[], RowData> {

    private static final int COUNTS = 0;
    private static final int SIZE = 1;
    private static final byte[] NOTHING = new byte[0];

    @Override
    public RowData createAccumulator() {
        return GenericRowData.of(NOTHING, 0);
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
        return acc.getInt(SIZE) == 0 ? null : countsOf(acc).packed();
    }

    private static BucketCounts countsOf(RowData acc) {
        return new BucketCounts(acc.getBinary(COUNTS), acc.getInt(SIZE));
    }

    private static void store(BucketCounts counts, RowData acc) {
        GenericRowData row = (GenericRowData) acc;
        row.setField(COUNTS, counts.bytes());
        row.setField(SIZE, counts.size());
    }
}
