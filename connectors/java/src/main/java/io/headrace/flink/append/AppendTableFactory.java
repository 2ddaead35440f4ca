package io.headrace.flink.append;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.catalog.CatalogTable;
import org.apache.flink.table.catalog.ResolvedCatalogTable;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;

/**
 * {@code 'connector'='headrace-append'}: writes the inserts and update-afters of any query as an append log to
 * another connector, whose options stand under {@code delegate.}, for example {@code
 * 'delegate.connector'='iceberg'}. Update-befores and deletes never arrive there.
 *
 * <p>A process table function could do the same, but Flink 2.1 makes every query below one wait for a watermark
 * before a mini-batch ends, and produces update-befores for it. A primary key, if declared, is not handed on: the log
 * has none.
 */
public final class AppendTableFactory implements DynamicTableSinkFactory {

    public static final String IDENTIFIER = "headrace-append";

    private static final String DELEGATE_PREFIX = "delegate.";

    public static final ConfigOption<List<String>> NEWEST_OF =
            ConfigOptions.key("newest-of")
                    .stringType()
                    .asList()
                    .defaultValues()
                    .withDescription(
                            "Columns, a;b;c: of the rows that are equal in them the newest alone is written with a"
                                    + " checkpoint. Without, all are.");

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validateExcept(DELEGATE_PREFIX);
        ResolvedCatalogTable table = context.getCatalogTable();
        Map<String, String> options = delegateOptions(table.getOptions());
        DynamicTableSink delegate =
                FactoryUtil.createDynamicTableSink(
                        null,
                        context.getObjectIdentifier(),
                        withoutKey(table, options),
                        context.getEnrichmentOptions(),
                        context.getConfiguration(),
                        context.getClassLoader(),
                        context.isTemporary());
        return new AppendTableSink(
                delegate, key(helper.getOptions().get(NEWEST_OF), context.getPhysicalRowDataType().getLogicalType()));
    }

    private static RowData.FieldGetter[] key(List<String> names, LogicalType columns) {
        RowType row = (RowType) columns;
        return names.stream().map(name -> getter(row, name)).toArray(RowData.FieldGetter[]::new);
    }

    private static RowData.FieldGetter getter(RowType row, String name) {
        int place = row.getFieldIndex(name);
        if (place < 0) {
            throw new ValidationException("Option '" + NEWEST_OF.key() + "' names column '" + name
                    + "', but the columns are " + row.getFieldNames() + ".");
        }
        return RowData.createFieldGetter(row.getTypeAt(place), place);
    }

    private static Map<String, String> delegateOptions(Map<String, String> options) {
        Map<String, String> delegate = new HashMap<>();
        options.forEach(
                (key, value) -> {
                    if (key.startsWith(DELEGATE_PREFIX)) {
                        delegate.put(key.substring(DELEGATE_PREFIX.length()), value);
                    }
                });
        if (!delegate.containsKey(FactoryUtil.CONNECTOR.key())) {
            throw new ValidationException(
                    "Connector '" + IDENTIFIER + "' needs the option 'delegate.connector', for example 'iceberg';"
                            + " found " + options.keySet() + ".");
        }
        return delegate;
    }

    private static ResolvedCatalogTable withoutKey(ResolvedCatalogTable table, Map<String, String> options) {
        ResolvedSchema schema = ResolvedSchema.of(table.getResolvedSchema().getColumns());
        CatalogTable origin =
                CatalogTable.newBuilder()
                        .schema(Schema.newBuilder().fromResolvedSchema(schema).build())
                        .comment(table.getComment())
                        .partitionKeys(table.getPartitionKeys())
                        .options(options)
                        .build();
        return new ResolvedCatalogTable(origin, schema);
    }

    @Override
    public String factoryIdentifier() {
        return IDENTIFIER;
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of();
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of(NEWEST_OF);
    }
}
