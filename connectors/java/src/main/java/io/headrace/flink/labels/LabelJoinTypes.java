package io.headrace.flink.labels;

import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.api.dataview.MapView;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.inference.CallContext;
import org.apache.flink.table.types.inference.StateTypeStrategy;
import org.apache.flink.table.types.inference.StaticArgument;
import org.apache.flink.table.types.inference.StaticArgumentTrait;
import org.apache.flink.table.types.inference.TypeInference;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.utils.TypeConversions;
import org.apache.flink.types.Row;

/** Types of {@link HrLabelJoin}: it takes any columns, and gives them all but the key behind four of its own. */
final class LabelJoinTypes {

    /** The columns of a label and of its time, in what it takes. */
    static final String LABEL = "_label";

    static final String LABEL_TIME = "_label_time";

    private static final int JOINED = 0;
    private static final int DURATIONS = 1;

    private LabelJoinTypes() {}

    static TypeInference inference() {
        LinkedHashMap<String, StateTypeStrategy> state = new LinkedHashMap<>();
        // Event time alone ends an id, whatever time to live other state of the job has.
        state.put("kept", StateTypeStrategy.of(call -> Optional.of(kept(call)), Duration.ZERO));
        state.put("told", StateTypeStrategy.of(call -> Optional.of(told()), Duration.ZERO));
        return TypeInference.newBuilder()
                .staticArguments(
                        StaticArgument.table(
                                "joined", Row.class, false, EnumSet.of(StaticArgumentTrait.SET_SEMANTIC_TABLE)),
                        StaticArgument.scalar("durations", DataTypes.STRING(), false))
                .stateTypeStrategies(state)
                .outputTypeStrategy(call -> Optional.of(output(call)))
                .build();
    }

    static String durations(CallContext call) {
        return call.getArgumentValue(DURATIONS, String.class)
                .orElseThrow(() -> new ValidationException("The durations must be a text, not NULL."));
    }

    static RowType columns(CallContext call) {
        return (RowType) input(call).getLogicalType();
    }

    /** The numbers of the columns that are no key; a key stands before what the function gives. */
    static int[] carried(CallContext call) {
        int[] keys = call.getTableSemantics(JOINED).orElseThrow().partitionByColumns();
        return IntStream.range(0, columns(call).getFieldCount())
                .filter(column -> IntStream.of(keys).noneMatch(key -> key == column))
                .toArray();
    }

    private static DataType told() {
        return DataTypes.ROW(
                DataTypes.FIELD("newest", DataTypes.BIGINT()),
                DataTypes.FIELD("facts", DataTypes.INT()),
                DataTypes.FIELD("row_told", DataTypes.BOOLEAN()),
                DataTypes.FIELD("label_told", DataTypes.BOOLEAN()));
    }

    private static DataType kept(CallContext call) {
        return MapView.newMapViewDataType(
                DataTypes.BOOLEAN().notNull(), input(call).bridgedTo(RowData.class));
    }

    private static DataType output(CallContext call) {
        RowType columns = columns(call);
        List<DataTypes.Field> fields = new ArrayList<>();
        fields.add(DataTypes.FIELD("_outcome", DataTypes.INT()));
        fields.add(DataTypes.FIELD("_number", DataTypes.INT()));
        fields.add(DataTypes.FIELD("_known", nullable(columns, LABEL)));
        fields.add(DataTypes.FIELD("_known_time", nullable(columns, LABEL_TIME)));
        for (int column : carried(call)) {
            RowType.RowField field = columns.getFields().get(column);
            fields.add(DataTypes.FIELD(field.getName(), TypeConversions.fromLogicalToDataType(field.getType())));
        }
        return DataTypes.ROW(fields).bridgedTo(RowData.class);
    }

    private static DataType nullable(RowType columns, String name) {
        LogicalType type = columns.getTypeAt(columns.getFieldIndex(name));
        return TypeConversions.fromLogicalToDataType(type.copy(true));
    }

    private static DataType input(CallContext call) {
        return call.getTableSemantics(JOINED).orElseThrow().dataType();
    }
}
