package io.headrace.flink.asof;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.ValidationException;
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
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.utils.LogicalTypeParser;
import org.apache.flink.table.types.utils.DataTypeUtils;
import org.apache.flink.table.types.utils.TypeConversions;

/** Types of {@link HrAsOf}: two texts, a time and a key of any columns give the row type that the second text spells. */
final class AsOfTypes {

    private static final int QUESTION = 0;
    private static final int ANSWER = 1;
    private static final int FIXED = 3;

    private AsOfTypes() {}

    static TypeInference inference() {
        return TypeInference.newBuilder()
                .inputTypeStrategy(new Arguments())
                .outputTypeStrategy(call -> Optional.of(answer(call)))
                .build();
    }

    static String question(CallContext call) {
        return literal(call, QUESTION);
    }

    private static DataType answer(CallContext call) {
        LogicalType type = LogicalTypeParser.parse(literal(call, ANSWER), AsOfTypes.class.getClassLoader());
        return TypeConversions.fromLogicalToDataType(type).bridgedTo(RowData.class);
    }

    private static String literal(CallContext call, int argument) {
        return call.getArgumentValue(argument, String.class)
                .orElseThrow(() -> new ValidationException("Argument " + argument + " must be a text, not NULL."));
    }

    /** In Flink's internal classes, so that no record pays for a conversion. */
    private static final class Arguments implements InputTypeStrategy {

        @Override
        public ArgumentCount getArgumentCount() {
            return ConstantArgumentCount.from(FIXED + 1);
        }

        @Override
        public Optional<List<DataType>> inferInputTypes(CallContext call, boolean throwOnFailure) {
            DataType text = DataTypes.STRING().bridgedTo(StringData.class);
            List<DataType> types = new ArrayList<>(List.of(text, text, DataTypes.BIGINT()));
            List<DataType> given = call.getArgumentDataTypes();
            given.subList(FIXED, given.size()).forEach(key -> types.add(DataTypeUtils.toInternalDataType(key)));
            return Optional.of(types);
        }

        @Override
        public List<Signature> getExpectedSignatures(FunctionDefinition definition) {
            return List.of(Signature.of(
                    Signature.Argument.of("question"),
                    Signature.Argument.of("answer"),
                    Signature.Argument.of("us"),
                    Signature.Argument.of("key...")));
        }
    }
}
