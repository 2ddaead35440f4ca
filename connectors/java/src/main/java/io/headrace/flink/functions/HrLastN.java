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
 * {@code HR_LAST_N(T value, BIGINT us, INT partition, BIGINT offset, INT n) -> BYTES}: the values of the n newest rows
 * with their places, the newest first, as {@link NewestRows} packs them; NULL without a row. Values may be NULL; rows
 * without a place are skipped.
 *
 * <p>T is STRING, BIGINT, INT, DOUBLE or BOOLEAN. The bytes depend on the set of rows alone, neither on their order
 * nor on how the set was split and merged.
 */
public final class HrLastN extends AggregateFunction<byte[], RowData> {

    private static final DataType ACCUMULATOR =
            DataTypes.ROW(
                            DataTypes.FIELD("limit", DataTypes.INT().notNull()),
                            DataTypes.FIELD("rows", DataTypes.BYTES().notNull()))
                    .bridgedTo(RowData.class);

    private static final int LIMIT = 0;
    private static final int ROWS = 1;
    private static final byte[] NOTHING = new byte[0];

    @Override
    public RowData createAccumulator() {
        return GenericRowData.of(0, NOTHING);
    }

    public void accumulate(RowData acc, Object value, Long micros, Integer partition, Long offset, Integer n) {
        if (micros == null || partition == null || offset == null) {
            return;
        }
        NewestRows rows = NewestRows.of(acc.getBinary(ROWS));
        if (rows.add(NewestRows.row(micros, partition, offset, ValueBytes.of(value)), n)) {
            store((GenericRowData) acc, n, rows);
        }
    }

    public void merge(RowData acc, Iterable<RowData> others) {
        NewestRows rows = NewestRows.of(acc.getBinary(ROWS));
        int limit = acc.getInt(LIMIT);
        for (RowData other : others) {
            limit = Math.max(limit, other.getInt(LIMIT));
            rows.addAll(NewestRows.of(other.getBinary(ROWS)), limit);
        }
        store((GenericRowData) acc, limit, rows);
    }

    @Override
    public byte[] getValue(RowData acc) {
        byte[] rows = acc.getBinary(ROWS);
        return rows.length == 0 ? null : rows;
    }

    private static void store(GenericRowData acc, int limit, NewestRows rows) {
        acc.setField(LIMIT, limit);
        acc.setField(ROWS, rows.packed());
    }

    @Override
    public TypeInference getTypeInference(DataTypeFactory typeFactory) {
        List<DataType> rest = List.of(DataTypes.BIGINT(), DataTypes.INT(), DataTypes.BIGINT(), DataTypes.INT());
        return TypeInference.newBuilder()
                .inputTypeStrategy(new ValueArguments(rest))
                .accumulatorTypeStrategy(call -> Optional.of(ACCUMULATOR))
                .outputTypeStrategy(call -> Optional.of(DataTypes.BYTES()))
                .build();
    }
}
