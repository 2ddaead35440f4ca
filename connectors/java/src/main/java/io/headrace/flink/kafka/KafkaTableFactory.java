package io.headrace.flink.kafka;

import java.util.HashSet;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.RowType.RowField;

/**
 * {@code 'connector'='headrace-kafka'}: one topic of JSON objects, read from exact offsets. The columns are
 * those of the payload, and any of the six {@code _...} columns of the archive.
 *
 * <p>{@link ValidationException} for a malformed option or a column that cannot be read.
 */
public final class KafkaTableFactory implements DynamicTableSourceFactory {

    public static final String IDENTIFIER = "headrace-kafka";

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validateExcept(KafkaTableOptions.PROPERTIES_PREFIX);
        RowType rowType = (RowType) context.getPhysicalRowDataType().getLogicalType();
        KafkaTableSettings settings =
                KafkaTableSettings.of(helper.getOptions(), context.getCatalogTable().getOptions());
        rowType.getFields().forEach(KafkaTableFactory::check);
        checkRequired(settings.json().required(), rowType);
        return new KafkaTableSource(settings, rowType, WatermarkSettings.of(helper.getOptions()));
    }

    private static void check(RowField field) {
        LogicalType type = field.getType();
        ReservedColumn reserved = ReservedColumn.named(field.getName()).orElse(null);
        if (!type.isNullable()) {
            throw new ValidationException(
                    "Column '" + field.getName() + "' must be nullable, since a bad record has no values, found " + type
                            + ".");
        }
        if (reserved != null && !reserved.type().equals(type)) {
            throw new ValidationException(
                    "Column '" + field.getName() + "' is reserved for " + reserved.type() + ", found " + type + ".");
        }
        if (reserved == null && !ValueReaders.supports(type)) {
            throw new ValidationException(
                    "Column '" + field.getName()
                            + "' must be STRING, BIGINT, INT, DOUBLE, BOOLEAN, DATE, TIMESTAMP_LTZ(6), or a ROW or"
                            + " ARRAY of these, found " + type + ".");
        }
    }

    private static void checkRequired(Set<String> required, RowType rowType) {
        Set<String> unknown = new HashSet<>(required);
        for (RowField column : rowType.getFields()) {
            if (ReservedColumn.named(column.getName()).isEmpty()) {
                removeParts(unknown, column.getName(), column.getType());
            }
        }
        if (!unknown.isEmpty()) {
            throw new ValidationException(
                    "Option '" + KafkaTableOptions.REQUIRED.key() + "' lists " + unknown
                            + ", but the payload's columns are " + rowType.getFieldNames() + ".");
        }
    }

    /** Remove the paths of a column and of all its parts. */
    private static void removeParts(Set<String> paths, String path, LogicalType type) {
        paths.remove(path);
        if (type instanceof RowType struct) {
            struct.getFields().forEach(field -> removeParts(paths, path + "." + field.getName(), field.getType()));
        } else if (type instanceof ArrayType list) {
            removeParts(paths, path + "[]", list.getElementType());
        }
    }

    @Override
    public String factoryIdentifier() {
        return IDENTIFIER;
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(
                KafkaTableOptions.TOPIC,
                KafkaTableOptions.BOOTSTRAP_SERVERS,
                KafkaTableOptions.GROUP_ID,
                KafkaTableOptions.START_OFFSETS);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of(
                KafkaTableOptions.END_OFFSETS,
                KafkaTableOptions.REQUIRED,
                KafkaTableOptions.ZONE,
                KafkaTableOptions.TIME_UNIT,
                KafkaTableOptions.MAX_DEPTH,
                KafkaTableOptions.MAX_BYTES,
                KafkaTableOptions.IDLE_AFTER,
                KafkaTableOptions.DELAY,
                FactoryUtil.SOURCE_PARALLELISM);
    }
}
