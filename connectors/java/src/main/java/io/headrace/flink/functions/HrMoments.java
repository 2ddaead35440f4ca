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
 * <p>NULL values are skipped; without any, the row is (0, NULL, NULL), never NULL itself. The last bits depend on the
 * order of the values, see {@link Moments}.
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
        if (x != null) {
            store(acc, moments(acc).plus(x));
        }
    }

    public void merge(RowData acc, Iterable<RowData> others) {
        for (RowData other : others) {
            store(acc, moments(acc).plus(moments(other)));
        }
    }

    @Override
    public RowData getValue(RowData acc) {
        if (acc.getLong(N) == 0) {
            return GenericRowData.of(0L, null, null);
        }
        return GenericRowData.of(acc.getLong(N), acc.getDouble(MEAN), acc.getDouble(M2));
    }

    private static Moments moments(RowData acc) {
        return new Moments(acc.getLong(N), acc.getDouble(MEAN), acc.getDouble(M2));
    }

    private static void store(RowData acc, Moments moments) {
        GenericRowData row = (GenericRowData) acc;
        row.setField(N, moments.n());
        row.setField(MEAN, moments.mean());
        row.setField(M2, moments.m2());
    }
}
