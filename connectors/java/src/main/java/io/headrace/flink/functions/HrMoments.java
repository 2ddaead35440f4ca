package io.headrace.flink.functions;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.AggregateFunction;

/**
 * {@code HR_MOMENTS(DOUBLE x) -> ROW<n BIGINT, mean DOUBLE, m2 DOUBLE>}: count, mean and sum of squared
 * deviations, in the unit of x (m2: squared).
 *
 * <p>Welford for one value, Chan for a merge: stable where SUM(x*x) cancels. NULL values are skipped; without
 * any, the row is (0, NULL, NULL), never NULL itself. The last bits depend on the order of the values.
 */
@FunctionHint(
        accumulator =
                @DataTypeHint(
                        value = "ROW<n BIGINT NOT NULL, mean DOUBLE NOT NULL, m2 DOUBLE NOT NULL>",
                        bridgedTo = RowData.class),
        output = @DataTypeHint(value = "ROW<n BIGINT, mean DOUBLE, m2 DOUBLE>", bridgedTo = RowData.class))
public final class HrMoments extends AggregateFunction<RowData, RowData> {

    private static final int N = 0;
    private static final int MEAN = 1;
    private static final int M2 = 2;

    @Override
    public RowData createAccumulator() {
        return GenericRowData.of(0L, 0.0, 0.0);
    }

    public void accumulate(RowData acc, Double x) {
        if (x == null) {
            return;
        }
        GenericRowData moments = (GenericRowData) acc;
        long n = moments.getLong(N) + 1;
        double before = x - moments.getDouble(MEAN);
        double mean = moments.getDouble(MEAN) + before / n;
        moments.setField(N, n);
        moments.setField(MEAN, mean);
        moments.setField(M2, moments.getDouble(M2) + before * (x - mean));
    }

    public void merge(RowData acc, Iterable<RowData> others) {
        for (RowData other : others) {
            if (other.getLong(N) > 0) {
                mergeOne((GenericRowData) acc, other);
            }
        }
    }

    private static void mergeOne(GenericRowData a, RowData b) {
        long n = a.getLong(N) + b.getLong(N);
        double delta = b.getDouble(MEAN) - a.getDouble(MEAN);
        double share = (double) b.getLong(N) / n;
        double spread = delta * delta * a.getLong(N) * share;
        a.setField(N, n);
        a.setField(MEAN, a.getDouble(MEAN) + delta * share);
        a.setField(M2, a.getDouble(M2) + b.getDouble(M2) + spread);
    }

    @Override
    public RowData getValue(RowData acc) {
        if (acc.getLong(N) == 0) {
            return GenericRowData.of(0L, null, null);
        }
        return GenericRowData.of(acc.getLong(N), acc.getDouble(MEAN), acc.getDouble(M2));
    }
}
