package io.headrace.flink.cassandra;

import java.util.List;
import java.util.Map;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.connector.sink.abilities.SupportsWritingMetadata;
import org.apache.flink.table.types.DataType;
import org.apache.flink.types.RowKind;

/**
 * A Cassandra table as a sink of Flink SQL.
 *
 * <p>With a primary key it takes upserts and deletes and never asks for the row before an update; without one it takes
 * inserts only, or, with {@code sink.versions}, inserts and updates as versions that {@code write_time} orders. A row
 * before an update that the planner sends all the same (a filter above an aggregate) is a delete. A SQL NULL leaves the
 * column as it is in Cassandra.
 */
public final class CassandraDynamicSink implements DynamicTableSink, SupportsWritingMetadata {

    private final ConnectionSettings connection;
    private final DeliverySettings delivery;
    private final String table;
    private final DataType physical;
    private final List<String> primaryKey;
    private final boolean versions;
    private final Integer parallelism;
    private List<String> metadata = List.of();

    CassandraDynamicSink(
            ConnectionSettings connection,
            DeliverySettings delivery,
            String table,
            DataType physical,
            List<String> primaryKey,
            boolean versions,
            Integer parallelism) {
        if (versions && !primaryKey.isEmpty()) {
            throw new ValidationException(
                    "Table '" + table + "' sets 'sink.versions' and declares PRIMARY KEY " + primaryKey + ", for which"
                            + " the planner would send rows before an update. Leave the key out: the table's own"
                            + " decides.");
        }
        this.connection = connection;
        this.delivery = delivery;
        this.table = table;
        this.physical = physical;
        this.primaryKey = primaryKey;
        this.versions = versions;
        this.parallelism = parallelism;
    }

    @Override
    public ChangelogMode getChangelogMode(ChangelogMode requested) {
        if (versions) {
            return ChangelogMode.upsert();
        }
        if (primaryKey.isEmpty()) {
            return ChangelogMode.insertOnly();
        }
        return ChangelogMode.newBuilder()
                .addContainedKind(RowKind.INSERT)
                .addContainedKind(RowKind.UPDATE_AFTER)
                .addContainedKind(RowKind.DELETE)
                .keyOnlyDeletes(!metadata.contains(WriteMetadata.WRITE_TIME))
                .build();
    }

    @Override
    public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
        if (versions && !metadata.contains(WriteMetadata.WRITE_TIME)) {
            throw new ValidationException(
                    "Table '" + table + "' sets 'sink.versions' without the metadata column 'write_time', which orders"
                            + " the versions. Declare `write_time` BIGINT METADATA.");
        }
        return SinkV2Provider.of(new CassandraSink(connection, delivery, tableSettings()), parallelism);
    }

    private TableSettings tableSettings() {
        return new TableSettings(
                connection.keyspace(),
                table,
                List.copyOf(DataType.getFieldNames(physical)),
                List.copyOf(physical.getLogicalType().getChildren()),
                primaryKey,
                metadata);
    }

    @Override
    public Map<String, DataType> listWritableMetadata() {
        return WriteMetadata.types();
    }

    @Override
    public void applyWritableMetadata(List<String> metadataKeys, DataType consumedDataType) {
        if (metadataKeys.contains(WriteMetadata.TTL) && metadataKeys.contains(WriteMetadata.EXPIRES_AT)) {
            throw new ValidationException(
                    "Table '" + table + "' declares both metadata columns 'ttl' and 'expires_at', which say the same"
                            + " thing in two ways. Keep one of them.");
        }
        this.metadata = List.copyOf(metadataKeys);
    }

    @Override
    public DynamicTableSink copy() {
        CassandraDynamicSink copy =
                new CassandraDynamicSink(connection, delivery, table, physical, primaryKey, versions, parallelism);
        copy.metadata = metadata;
        return copy;
    }

    @Override
    public String asSummaryString() {
        return "Cassandra table " + connection.keyspace() + "." + table;
    }
}
