package io.headrace.flink.kafka;

import java.util.Arrays;
import java.util.Optional;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.IntType;
import org.apache.flink.table.types.logical.LocalZonedTimestampType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.VarBinaryType;
import org.apache.flink.table.types.logical.VarCharType;

/** The columns that do not come from the payload, recognised by name. */
enum ReservedColumn {
    SRC_TOPIC("_src_topic", VarCharType.STRING_TYPE),
    SRC_PARTITION("_src_partition", new IntType()),
    SRC_OFFSET("_src_offset", new BigIntType()),
    SRC_TIMESTAMP("_src_timestamp", new LocalZonedTimestampType(6)),
    RAW("_raw", new VarBinaryType(VarBinaryType.MAX_LENGTH)),
    ERROR("_error", VarCharType.STRING_TYPE);

    private final String column;
    private final LogicalType type;

    ReservedColumn(String column, LogicalType type) {
        this.column = column;
        this.type = type;
    }

    LogicalType type() {
        return type;
    }

    static Optional<ReservedColumn> named(String column) {
        return Arrays.stream(values()).filter(reserved -> reserved.column.equals(column)).findFirst();
    }
}
