package io.headrace.flink.cassandra;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The columns of a table as Cassandra knows them. */
final class TableLayout {

    /** Where a column stands in the table. */
    enum Kind {
        PARTITION_KEY,
        CLUSTERING,
        STATIC,
        REGULAR
    }

    /**
     * One column.
     *
     * @param position place within its kind of key, -1 for a value
     * @param type the type as Cassandra writes it, for example {@code frozen<tile_cell>}
     */
    record Column(String name, Kind kind, int position, String type) {}

    private static final String COLUMNS = "SELECT column_name, kind, position, type FROM system_schema.columns"
            + " WHERE keyspace_name = ? AND table_name = ?";

    private final Map<String, Column> columns = new LinkedHashMap<>();

    TableLayout(Collection<Column> found) {
        found.stream()
                .sorted(Comparator.comparing(Column::kind).thenComparing(Column::position).thenComparing(Column::name))
                .forEach(column -> columns.put(column.name(), column));
    }

    /** Reads the layout from the server; fails when the table is not there. */
    static TableLayout read(CqlSession session, String keyspace, String table) {
        List<Column> found = new ArrayList<>();
        for (Row row : session.execute(SimpleStatement.newInstance(COLUMNS, keyspace, table))) {
            found.add(column(row));
        }
        if (found.isEmpty()) {
            throw new CassandraSinkException("Cassandra has no table " + Cql.quote(keyspace) + "." + Cql.quote(table)
                    + ". Create it before the job starts, or correct the options 'keyspace' and 'table'"
                    + " (their case counts).");
        }
        return new TableLayout(found);
    }

    Column column(String name) {
        return columns.get(name);
    }

    Collection<String> names() {
        return columns.keySet();
    }

    /** Names of the columns of a kind, in the order of the key. */
    List<String> names(Kind kind) {
        return columns.values().stream().filter(column -> column.kind() == kind).map(Column::name).toList();
    }

    private static Column column(Row row) {
        Kind kind = switch (row.getString("kind")) {
            case "partition_key" -> Kind.PARTITION_KEY;
            case "clustering" -> Kind.CLUSTERING;
            case "static" -> Kind.STATIC;
            default -> Kind.REGULAR;
        };
        return new Column(row.getString("column_name"), kind, row.getInt("position"), row.getString("type"));
    }
}
