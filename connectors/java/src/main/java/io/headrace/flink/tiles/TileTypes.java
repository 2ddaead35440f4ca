package io.headrace.flink.tiles;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.FunctionDefinition;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.inference.ArgumentCount;
import org.apache.flink.table.types.inference.CallContext;
import org.apache.flink.table.types.inference.ConstantArgumentCount;
import org.apache.flink.table.types.inference.InputTypeStrategy;
import org.apache.flink.table.types.inference.Signature;
import org.apache.flink.table.types.inference.TypeInference;
import org.apache.flink.table.types.logical.LogicalTypeRoot;

/** Types of {@link HrTiles}: three arguments of fixed types and any number of values, which the result has too. */
final class TileTypes implements InputTypeStrategy {

    private static final List<DataType> FIXED =
            List.of(DataTypes.STRING().bridgedTo(StringData.class), DataTypes.BIGINT(), DataTypes.BIGINT());
    private static final Set<LogicalTypeRoot> WORDS = Set.of(LogicalTypeRoot.BIGINT, LogicalTypeRoot.DOUBLE);

    private static final DataType STATE =
            DataTypes.ROW(
                            DataTypes.FIELD("operations", DataTypes.STRING()),
                            DataTypes.FIELD("tiles", DataTypes.BYTES().notNull()))
                    .bridgedTo(RowData.class);

    static TypeInference inference() {
        return TypeInference.newBuilder()
                .inputTypeStrategy(new TileTypes())
                .accumulatorTypeStrategy(call -> Optional.of(STATE))
                .outputTypeStrategy(call -> Optional.of(tiles(valuesOf(call))))
                .build();
    }

    private static DataType tiles(List<DataType> values) {
        List<DataTypes.Field> fields = new ArrayList<>();
        for (String name : List.of("start", "n", "last_event_us")) {
            fields.add(DataTypes.FIELD(name, DataTypes.BIGINT()));
        }
        for (DataType value : values) {
            fields.add(DataTypes.FIELD("x" + (fields.size() - FIXED.size() + 1), value.nullable()));
        }
        return DataTypes.ARRAY(DataTypes.ROW(fields).bridgedTo(RowData.class)).bridgedTo(ArrayData.class);
    }

    private static List<DataType> valuesOf(CallContext call) {
        List<DataType> arguments = call.getArgumentDataTypes();
        return arguments.subList(FIXED.size(), arguments.size());
    }

    @Override
    public ArgumentCount getArgumentCount() {
        return ConstantArgumentCount.between(FIXED.size(), FIXED.size() + PackedTiles.MOST_VALUES);
    }

    @Override
    public Optional<List<DataType>> inferInputTypes(CallContext call, boolean throwOnFailure) {
        List<DataType> types = new ArrayList<>(FIXED);
        for (DataType value : valuesOf(call)) {
            if (!WORDS.contains(value.getLogicalType().getTypeRoot())) {
                return call.fail(throwOnFailure, "Expected a value of one of %s, found %s.", WORDS, value);
            }
            types.add(value);
        }
        return Optional.of(types);
    }

    @Override
    public List<Signature> getExpectedSignatures(FunctionDefinition definition) {
        List<Signature.Argument> arguments = new ArrayList<>();
        FIXED.forEach(type -> arguments.add(Signature.Argument.of(type.toString())));
        arguments.add(Signature.Argument.of("value...", WORDS.toString()));
        return List.of(Signature.of(arguments));
    }
}
