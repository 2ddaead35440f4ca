package io.headrace.flink.functions;

import java.util.Optional;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.inference.InputTypeStrategy;
import org.apache.flink.table.types.inference.TypeInference;

/** The accumulator of an aggregate that packs its entries into bytes and knows how many there are. */
final class PackedState {

    private static final DataType TYPE =
            DataTypes.ROW(
                            DataTypes.FIELD("entries", DataTypes.BYTES().notNull()),
                            DataTypes.FIELD("size", DataTypes.INT().notNull()))
                    .bridgedTo(RowData.class);

    private static final int ENTRIES = 0;
    private static final int SIZE = 1;
    private static final byte[] NOTHING = new byte[0];

    private PackedState() {}

    static RowData empty() {
        return GenericRowData.of(NOTHING, 0);
    }

    static byte[] entries(RowData acc) {
        return acc.getBinary(ENTRIES);
    }

    static int size(RowData acc) {
        return acc.getInt(SIZE);
    }

    static void store(RowData acc, byte[] entries, int size) {
        GenericRowData row = (GenericRowData) acc;
        row.setField(ENTRIES, entries);
        row.setField(SIZE, size);
    }

    /** The types of such an aggregate: these arguments, this accumulator, BYTES. */
    static TypeInference types(InputTypeStrategy arguments) {
        return TypeInference.newBuilder()
                .inputTypeStrategy(arguments)
                .accumulatorTypeStrategy(call -> Optional.of(TYPE))
                .outputTypeStrategy(call -> Optional.of(DataTypes.BYTES()))
                .build();
    }
}
