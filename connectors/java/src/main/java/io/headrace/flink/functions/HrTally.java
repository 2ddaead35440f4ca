package io.headrace.flink.functions;

import java.util.List;
import java.util.Optional;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.catalog.DataTypeFactory;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.AggregateFunction;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.inference.TypeInference;

/**
 * {@code HR_TALLY(T x) -> BYTES}: how often each value occurs, exactly, as {@link ValueCounts} packs it; empty bytes
 * where the values are too many to be kept. NULL values are skipped; NULL without any.
 *
 * <p>T is STRING, BIGINT, INT, DOUBLE or BOOLEAN. The bytes depend on the values alone: neither on their order nor on
 * how they were split and merged.
 */
public final class HrTally extends AggregateFunction<byte[], RowData> {

    private static final DataType ACCUMULATOR =
            DataTypes.ROW(
                            DataTypes.FIELD("counts", DataTypes.BYTES().notNull()),
                            DataTypes.FIELD("size", DataTypes.INT().notNull()))
                    .bridgedTo(RowData.class);

    private static final int COUNTS = 0;
    private static final int SIZE = 1;
    private static final byte[] NOTHING = new byte[0];

    @Override
    public RowData createAccumulator() {
        return GenericRowData.of(NOTHING, 0);
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
        return acc.getInt(SIZE) == 0 ? null : countsOf(acc).packed();
    }

    private static ValueCounts countsOf(RowData acc) {
        return new ValueCounts(acc.getBinary(COUNTS), acc.getInt(SIZE));
    }

    private static void store(ValueCounts counts, RowData acc) {
        GenericRowData row = (GenericRowData) acc;
        row.setField(COUNTS, counts.bytes());
        row.setField(SIZE, counts.size());
    }

    @Override
    public TypeInference getTypeInference(DataTypeFactory typeFactory) {
        return TypeInference.newBuilder()
                .inputTypeStrategy(new ValueArguments(List.of()))
                .accumulatorTypeStrategy(call -> Optional.of(ACCUMULATOR))
                .outputTypeStrategy(call -> Optional.of(DataTypes.BYTES()))
                .build();
    }
}
