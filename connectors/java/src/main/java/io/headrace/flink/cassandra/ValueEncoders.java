package io.headrace.flink.cassandra;

import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.type.DataType;
import com.datastax.oss.driver.api.core.type.DataTypes;
import com.datastax.oss.driver.api.core.type.ListType;
import com.datastax.oss.driver.api.core.type.UserDefinedType;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;

/**
 * Which CQL type takes which type of Flink, and how.
 *
 * <p>Types must agree exactly; nothing is widened or cast on the way. {@code TIMESTAMP_LTZ} goes to {@code bigint} as
 * microseconds, or to {@code timestamp}, whose unit is the millisecond.
 */
final class ValueEncoders {

    private final String table;

    ValueEncoders(String table) {
        this.table = table;
    }

    /**
     * The encoder for a pair of types.
     *
     * @param where the column, or the path to a field in it, for the error
     */
    ValueEncoder of(LogicalType flink, DataType cql, String where) {
        if (flink instanceof RowType row) {
            return rowEncoder(row, cql, where);
        }
        if (flink instanceof ArrayType array) {
            return listEncoder(array, cql, where);
        }
        ValueEncoder encoder = scalars(flink).get(cql);
        if (encoder == null) {
            throw mismatch(flink, scalars(flink).isEmpty() ? "a supported type" : names(scalars(flink)), cql, where);
        }
        return encoder;
    }

    /** The CQL types that take a type of Flink, each with its encoder. */
    private static Map<DataType, ValueEncoder> scalars(LogicalType flink) {
        LogicalTypeRoot root = flink.getTypeRoot();
        return switch (root) {
            case CHAR, VARCHAR -> Map.of(DataTypes.TEXT, ScalarBytes::text);
            case BINARY, VARBINARY -> Map.of(DataTypes.BLOB, ScalarBytes::blob);
            case BOOLEAN -> Map.of(DataTypes.BOOLEAN, ScalarBytes::bool);
            case TINYINT -> Map.of(DataTypes.TINYINT, ScalarBytes::tinyint);
            case SMALLINT -> Map.of(DataTypes.SMALLINT, ScalarBytes::smallint);
            case INTEGER -> Map.of(DataTypes.INT, ScalarBytes::integer);
            case BIGINT -> Map.of(DataTypes.BIGINT, ScalarBytes::bigint);
            case FLOAT -> Map.of(DataTypes.FLOAT, ScalarBytes::real);
            case DOUBLE -> Map.of(DataTypes.DOUBLE, ScalarBytes::dbl);
            case DECIMAL -> Map.of(DataTypes.DECIMAL, ScalarBytes::decimal);
            case DATE -> Map.of(DataTypes.DATE, ScalarBytes::date);
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE ->
                    Map.of(DataTypes.BIGINT, ScalarBytes::micros, DataTypes.TIMESTAMP, ScalarBytes::millis);
            default -> Map.of();
        };
    }

    private ValueEncoder rowEncoder(RowType row, DataType cql, String where) {
        if (!(cql instanceof UserDefinedType udt)) {
            throw mismatch(row, "a frozen user-defined type", cql, where);
        }
        List<CqlIdentifier> fields = udt.getFieldNames();
        ValueEncoder[] encoders = new ValueEncoder[fields.size()];
        RowData.FieldGetter[] getters = new RowData.FieldGetter[fields.size()];
        for (int i = 0; i < row.getFieldCount(); i++) {
            String name = row.getFieldNames().get(i);
            int target = fields.indexOf(CqlIdentifier.fromInternal(name));
            if (target < 0) {
                throw missingField(udt, where + "." + name);
            }
            encoders[target] = of(row.getTypeAt(i), udt.getFieldTypes().get(target), where + "." + name);
            getters[target] = RowData.createFieldGetter(row.getTypeAt(i), i);
        }
        return new RowEncoder(getters, encoders)::encode;
    }

    private ValueEncoder listEncoder(ArrayType array, DataType cql, String where) {
        if (!(cql instanceof ListType list)) {
            throw mismatch(array, "a frozen list", cql, where);
        }
        ValueEncoder element = of(array.getElementType(), list.getElementType(), where + "[]");
        ArrayData.ElementGetter getter = ArrayData.createElementGetter(array.getElementType());
        return value -> CompositeBytes.list((ArrayData) value, getter, element, table + ", column '" + where + "'");
    }

    private CassandraSinkException missingField(UserDefinedType udt, String where) {
        List<String> found = udt.getFieldNames().stream().map(CqlIdentifier::asInternal).toList();
        return CassandraSinkException.mismatch(table, "field '" + where + "'",
                "a field of that name in type " + udt.getName().asInternal(), "the fields " + found,
                "Add it with ALTER TYPE, or remove it from the ROW.");
    }

    private CassandraSinkException mismatch(LogicalType flink, String expected, DataType cql, String where) {
        return CassandraSinkException.mismatch(table, "column '" + where + "' of Flink type " + flink.asSummaryString(),
                expected, cql.asCql(true, true), "CAST the value in the query, or change the column in Cassandra.");
    }

    private static String names(Map<DataType, ValueEncoder> encoders) {
        return encoders.keySet().stream().map(type -> type.asCql(true, true)).sorted().reduce((a, b) -> a + " or " + b)
                .orElse("");
    }

    /** A ROW as the value of a user-defined type; fields that only Cassandra has become null. */
    private record RowEncoder(RowData.FieldGetter[] getters, ValueEncoder[] encoders) {
        ByteBuffer encode(Object value) {
            ByteBuffer[] parts = new ByteBuffer[encoders.length];
            for (int i = 0; i < parts.length; i++) {
                Object field = getters[i] == null ? null : getters[i].getFieldOrNull((RowData) value);
                parts[i] = field == null ? null : encoders[i].encode(field);
            }
            return CompositeBytes.fields(parts);
        }
    }
}
