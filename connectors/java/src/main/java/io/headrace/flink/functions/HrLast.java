package io.headrace.flink.functions;

import org.apache.flink.table.catalog.DataTypeFactory;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.binary.BinaryStringData;
import org.apache.flink.table.functions.AggregateFunction;
import org.apache.flink.table.types.inference.TypeInference;

/**
 * {@code HR_LAST(T value, BIGINT us, INT partition, BIGINT offset) -> ROW<value T, us BIGINT, partition INT,
 * offset BIGINT>}: the value of the row with the greatest (us, partition, offset), whatever the order of arrival.
 *
 * <p>That value may be NULL. A row without a complete position is skipped; the result is NULL when no row is
 * left. T is STRING, BIGINT, INT, DOUBLE, BOOLEAN or TIMESTAMP_LTZ.
 */
public final class HrLast extends AggregateFunction<RowData, RowData> {

    private static final int VALUE = 0;
    private static final int MICROS = 1;
    private static final int PARTITION = 2;
    private static final int OFFSET = 3;
    private static final int FIELDS = 4;

    @Override
    public RowData createAccumulator() {
        return new GenericRowData(FIELDS);
    }

    public void accumulate(RowData acc, Object value, Long micros, Integer partition, Long offset) {
        if (micros == null || partition == null || offset == null) {
            return;
        }
        take((GenericRowData) acc, value, new Place(micros, partition, offset));
    }

    public void merge(RowData acc, Iterable<RowData> others) {
        for (RowData other : others) {
            if (!other.isNullAt(MICROS)) {
                // The planner hands every accumulator over as a GenericRowData (ImperativeAggCodeGen).
                take((GenericRowData) acc, ((GenericRowData) other).getField(VALUE), place(other));
            }
        }
    }

    private static void take(GenericRowData last, Object value, Place place) {
        if (last.isNullAt(MICROS) || place(last).compareTo(place) < 0) {
            last.setField(VALUE, owned(value));
            last.setField(MICROS, place.us());
            last.setField(PARTITION, (int) place.partition());
            last.setField(OFFSET, place.offset());
        }
    }

    private static Place place(RowData row) {
        return new Place(row.getLong(MICROS), row.getInt(PARTITION), row.getLong(OFFSET));
    }

    /** Strings may point into the memory of a reused input row; all other values are immutable. */
    private static Object owned(Object value) {
        return value instanceof BinaryStringData text ? text.copy() : value;
    }

    @Override
    public RowData getValue(RowData acc) {
        if (acc.isNullAt(MICROS)) {
            return null;
        }
        GenericRowData last = (GenericRowData) acc;
        return GenericRowData.of(
                last.getField(VALUE), last.getField(MICROS), last.getField(PARTITION), last.getField(OFFSET));
    }

    @Override
    public TypeInference getTypeInference(DataTypeFactory typeFactory) {
        return LastTypes.inference();
    }
}
