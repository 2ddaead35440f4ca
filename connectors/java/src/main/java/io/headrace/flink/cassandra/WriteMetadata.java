package io.headrace.flink.cassandra;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.types.DataType;

/** The metadata columns that a row may carry beside its values. */
final class WriteMetadata {

    /** Version of the row in microseconds: Cassandra keeps the cell with the greatest. */
    static final String WRITE_TIME = "write_time";

    /** Version, in microseconds, of the static columns that are written with a row; they never expire. */
    static final String STATIC_WRITE_TIME = "static_write_time";

    /** Seconds the row lives, counted from its arrival at the sink. */
    static final String TTL = "ttl";

    /** Instant, in microseconds since the epoch, from which the row is gone. */
    static final String EXPIRES_AT = "expires_at";

    private WriteMetadata() {}

    static Map<String, DataType> types() {
        Map<String, DataType> types = new LinkedHashMap<>();
        types.put(WRITE_TIME, DataTypes.BIGINT());
        types.put(STATIC_WRITE_TIME, DataTypes.BIGINT());
        types.put(TTL, DataTypes.INT());
        types.put(EXPIRES_AT, DataTypes.BIGINT());
        return types;
    }
}
