package io.headrace.flink.cassandra;

import io.headrace.flink.cassandra.TableLayout.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

/**
 * How the sink's columns lie in the table, checked.
 *
 * @param key the columns that name a row: the primary key
 * @param partitionColumns how many of them are the partition key
 * @param statics the static columns that are written beside the row, at a time of their own
 */
record WriteShape(List<String> key, int partitionColumns, List<String> statics) {

    /** Compares the sink with the table; every difference is an error that names it. */
    static WriteShape of(TableSettings settings, TableLayout layout) {
        checkColumns(settings, layout);
        List<String> partition = layout.names(Kind.PARTITION_KEY);
        List<String> key = new ArrayList<>(partition);
        key.addAll(layout.names(Kind.CLUSTERING));
        checkKeyIsWritten(settings, key);
        checkDeclaredKey(settings, key);
        return new WriteShape(List.copyOf(key), partition.size(), statics(settings, layout));
    }

    /** The columns of the partition key. */
    List<String> partition() {
        return key.subList(0, partitionColumns);
    }

    private static List<String> statics(TableSettings settings, TableLayout layout) {
        if (!settings.metadata().contains(WriteMetadata.STATIC_WRITE_TIME)) {
            return List.of();
        }
        List<String> statics = settings.columns().stream()
                .filter(name -> layout.column(name).kind() == Kind.STATIC)
                .toList();
        if (statics.isEmpty()) {
            throw CassandraSinkException.mismatch(settings.qualifiedName(), "metadata column 'static_write_time'",
                    "a static column beside a row's own", "the columns " + settings.columns(),
                    "Leave it out: it is the version of static columns that are written with rows.");
        }
        if (settings.isUpsert()) {
            throw CassandraSinkException.mismatch(settings.qualifiedName(), "metadata column 'static_write_time'",
                    "a sink without deletes", "PRIMARY KEY " + settings.primaryKey(),
                    "Set 'sink.versions' instead of a key: a deleted row would leave its static columns behind.");
        }
        return statics;
    }

    private static void checkColumns(TableSettings settings, TableLayout layout) {
        for (int i = 0; i < settings.columns().size(); i++) {
            String name = settings.columns().get(i);
            if (layout.column(name) == null) {
                throw CassandraSinkException.mismatch(settings.qualifiedName(), "column '" + name + "'",
                        "a column of that name", "the columns " + layout.names(),
                        "Add the column to the table, or remove it from the sink.");
            }
            checkOneCell(settings, layout.column(name));
        }
    }

    /** A collection that is not frozen is many cells: overwriting it writes a tombstone and may mix versions. */
    private static void checkOneCell(TableSettings settings, TableLayout.Column column) {
        String type = column.type();
        boolean manyCells = type.startsWith("list<") || type.startsWith("set<") || type.startsWith("map<");
        if (manyCells) {
            throw CassandraSinkException.mismatch(settings.qualifiedName(), "column '" + column.name() + "'",
                    "frozen<" + type + ">", type,
                    "Create the column as frozen: one value is then one cell, and a write leaves no tombstone.");
        }
    }

    private static void checkKeyIsWritten(TableSettings settings, List<String> key) {
        for (String name : key) {
            if (!settings.columns().contains(name)) {
                throw CassandraSinkException.mismatch(settings.qualifiedName(), "key column '" + name + "'",
                        "the whole key " + key + " in the sink", "the columns " + settings.columns(),
                        "Add it to the sink.");
            }
        }
    }

    private static void checkDeclaredKey(TableSettings settings, List<String> key) {
        boolean same = new HashSet<>(settings.primaryKey()).equals(new HashSet<>(key));
        if (settings.isUpsert() && !same) {
            throw CassandraSinkException.mismatch(settings.qualifiedName(), "primary key of the sink",
                    key.toString(), settings.primaryKey().toString(),
                    "Declare PRIMARY KEY (" + String.join(", ", key) + ") NOT ENFORCED in Flink.");
        }
    }
}
