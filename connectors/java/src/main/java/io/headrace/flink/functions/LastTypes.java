package io.headrace.flink.functions;

import java.util.List;
import java.util.Optional;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.inference.CallContext;
import org.apache.flink.table.types.inference.TypeInference;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.utils.DataTypeUtils;

/** Types of {@link HrLast}: the value keeps its type, the position is (BIGINT, INT, BIGINT). */
final class LastTypes {

    private LastTypes() {}

    static TypeInference inference() {
        List<DataType> position = List.of(DataTypes.BIGINT(), DataTypes.INT(), DataTypes.BIGINT());
        return TypeInference.newBuilder()
                .inputTypeStrategy(new ValueArguments(LogicalTypeRoot.TIMESTAMP_WITH_LOCAL_TIME_ZONE, position))
                .accumulatorTypeStrategy(LastTypes::row)
                .outputTypeStrategy(LastTypes::row)
                .build();
    }

    private static Optional<DataType> row(CallContext call) {
        DataType value = call.getArgumentDataTypes().get(0).nullable();
        DataType row =
                DataTypes.ROW(
                        DataTypes.FIELD("value", DataTypeUtils.toInternalDataType(value)),
                        DataTypes.FIELD("us", DataTypes.BIGINT()),
                        DataTypes.FIELD("partition", DataTypes.INT()),
                        DataTypes.FIELD("offset", DataTypes.BIGINT()));
        return Optional.of(row.bridgedTo(RowData.class));
    }
}
