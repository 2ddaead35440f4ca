package io.headrace.flink.pointintime;

import java.time.Duration;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Optional;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.api.dataview.ListView;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.inference.CallContext;
import org.apache.flink.table.types.inference.StateTypeStrategy;
import org.apache.flink.table.types.inference.StaticArgument;
import org.apache.flink.table.types.inference.StaticArgumentTrait;
import org.apache.flink.table.types.inference.TypeInference;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeParser;
import org.apache.flink.table.types.utils.TypeConversions;
import org.apache.flink.types.Row;

/** Types of {@link HrPointInTime}: it takes any columns, and gives the row type that its last argument spells. */
final class PointInTimeTypes {

    private static final int ASKED = 0;
    private static final int QUESTION = 1;
    private static final int ANSWER = 2;

    private PointInTimeTypes() {}

    static TypeInference inference() {
        LinkedHashMap<String, StateTypeStrategy> state = new LinkedHashMap<>();
        // Rows wait for the end of the input, whatever time to live other state of the job has.
        state.put("kept", StateTypeStrategy.of(call -> Optional.of(kept(call)), Duration.ZERO));
        return TypeInference.newBuilder()
                .staticArguments(
                        StaticArgument.table(
                                "asked", Row.class, false, EnumSet.of(StaticArgumentTrait.SET_SEMANTIC_TABLE)),
                        StaticArgument.scalar("question", DataTypes.STRING(), false),
                        StaticArgument.scalar("answer", DataTypes.STRING(), false))
                .stateTypeStrategies(state)
                .outputTypeStrategy(call -> Optional.of(internal(answer(call))))
                .build();
    }

    private static DataType internal(RowType type) {
        return TypeConversions.fromLogicalToDataType(type).bridgedTo(RowData.class);
    }

    static String question(CallContext call) {
        return literal(call, QUESTION);
    }

    static RowType columns(CallContext call) {
        return (RowType) input(call).getLogicalType();
    }

    private static RowType answer(CallContext call) {
        String text = literal(call, ANSWER);
        return (RowType) LogicalTypeParser.parse(text, PointInTimeTypes.class.getClassLoader());
    }

    private static DataType kept(CallContext call) {
        return ListView.newListViewDataType(input(call).bridgedTo(RowData.class));
    }

    private static DataType input(CallContext call) {
        return call.getTableSemantics(ASKED).orElseThrow().dataType();
    }

    private static String literal(CallContext call, int argument) {
        return call.getArgumentValue(argument, String.class)
                .orElseThrow(() -> new ValidationException("Argument " + argument + " must be a text, not NULL."));
    }
}
