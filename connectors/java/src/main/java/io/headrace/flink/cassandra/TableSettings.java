package io.headrace.flink.cassandra;

import java.io.Serializable;
import java.util.List;
import org.apache.flink.table.types.logical.LogicalType;

/**
 * Which table is written, from which columns of the row.
 *
 * @param columns names of the physical columns; their values come first in each row
 * @param types types of those columns
 * @param primaryKey the key declared in Flink, empty for an insert-only sink
 * @param metadata the metadata columns asked for, whose values follow the physical ones, in this order
 */
record TableSettings(
        String keyspace,
        String table,
        List<String> columns,
        List<LogicalType> types,
        List<String> primaryKey,
        List<String> metadata)
        implements Serializable {

    /** Position of a metadata column in the row, or -1 when it was not declared. */
    int metadataPosition(String key) {
        int position = metadata.indexOf(key);
        return position < 0 ? -1 : columns.size() + position;
    }

    /** Positions of physical columns in the row. */
    int[] positions(List<String> names) {
        return names.stream().mapToInt(columns::indexOf).toArray();
    }

    boolean isUpsert() {
        return !primaryKey.isEmpty();
    }

    String qualifiedName() {
        return keyspace + "." + table;
    }
}
