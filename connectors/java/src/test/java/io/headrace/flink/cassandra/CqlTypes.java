package io.headrace.flink.cassandra;

import com.datastax.oss.driver.api.core.type.DataType;
import com.datastax.oss.driver.api.core.type.DataTypes;

/** The driver's types under a name that Flink's {@code DataTypes} does not hide. */
final class CqlTypes {

    static final DataType TEXT = DataTypes.TEXT;
    static final DataType BLOB = DataTypes.BLOB;
    static final DataType BIGINT = DataTypes.BIGINT;
    static final DataType INT = DataTypes.INT;
    static final DataType SMALLINT = DataTypes.SMALLINT;
    static final DataType TINYINT = DataTypes.TINYINT;
    static final DataType DOUBLE = DataTypes.DOUBLE;
    static final DataType FLOAT = DataTypes.FLOAT;
    static final DataType BOOLEAN = DataTypes.BOOLEAN;
    static final DataType DECIMAL = DataTypes.DECIMAL;
    static final DataType DATE = DataTypes.DATE;
    static final DataType TIMESTAMP = DataTypes.TIMESTAMP;

    private CqlTypes() {}

    static DataType frozenListOf(DataType element) {
        return DataTypes.frozenListOf(element);
    }
}
