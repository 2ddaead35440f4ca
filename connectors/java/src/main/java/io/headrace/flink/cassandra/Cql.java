package io.headrace.flink.cassandra;

import java.util.Collection;
import java.util.Collections;
import java.util.stream.Collectors;

/** The texts of the statements; every identifier is quoted, so its case and characters are kept. */
final class Cql {

    private Cql() {}

    static String quote(String identifier) {
        return '"' + identifier.replace("\"", "\"\"") + '"';
    }

    /** Variables: the columns in order, the write time, then the TTL when asked for. */
    static String insert(TableSettings settings, Collection<String> columns, boolean withTtl) {
        return "INSERT INTO " + name(settings) + " (" + list(columns) + ") VALUES ("
                + String.join(", ", Collections.nCopies(columns.size(), "?")) + ") USING TIMESTAMP ?"
                + (withTtl ? " AND TTL ?" : "");
    }

    /** Variables: the write time, then the key in order. */
    static String delete(TableSettings settings, Collection<String> key) {
        String where = key.stream().map(column -> quote(column) + " = ?").collect(Collectors.joining(" AND "));
        return "DELETE FROM " + name(settings) + " USING TIMESTAMP ? WHERE " + where;
    }

    private static String name(TableSettings settings) {
        return quote(settings.keyspace()) + "." + quote(settings.table());
    }

    private static String list(Collection<String> columns) {
        return columns.stream().map(Cql::quote).collect(Collectors.joining(", "));
    }
}
