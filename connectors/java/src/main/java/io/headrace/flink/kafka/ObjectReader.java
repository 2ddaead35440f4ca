package io.headrace.flink.kafka;

import java.io.IOException;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.table.data.GenericRowData;

/**
 * Reads a JSON object into the fields of a row by their names. Fields that are no columns are skipped, and none may
 * appear twice. One instance a thread; never within itself, since an object of its own type cannot be in it.
 */
final class ObjectReader {

    private final Map<String, Column> columns = new LinkedHashMap<>();
    private final Set<String> others = new HashSet<>();
    private int object;

    void add(String name, int position, ValueReader reader, boolean required) {
        columns.put(name, new Column(position, reader, required));
    }

    /** A field that is read: where it goes, and the number of the object in which it was last seen. */
    private static final class Column {
        private final int position;
        private final ValueReader reader;
        private final boolean required;
        private int seenIn;

        Column(int position, ValueReader reader, boolean required) {
            this.position = position;
            this.reader = reader;
            this.required = required;
        }
    }

    /** The parser stands at the object's beginning, and then at its end. */
    void read(JsonParser parser, GenericRowData row) throws IOException, Refusal {
        object++;
        others.clear();
        String name = parser.nextFieldName();
        while (name != null) {
            Column column = columns.get(name);
            parser.nextToken();
            if (column == null) {
                skip(name, parser);
            } else {
                readColumn(name, column, parser, row);
            }
            name = parser.nextFieldName();
        }
    }

    private void skip(String name, JsonParser parser) throws IOException, Refusal {
        if (!others.add(name)) {
            throw new Refusal("field '" + Refusal.shown(name) + "': appears twice");
        }
        parser.skipChildren();
    }

    private void readColumn(String name, Column column, JsonParser parser, GenericRowData row)
            throws IOException, Refusal {
        if (column.seenIn == object) {
            throw new Refusal("appears twice").within(name);
        }
        column.seenIn = object;
        try {
            row.setField(column.position, column.reader.read(parser));
        } catch (Refusal e) {
            throw e.within(name);
        }
    }

    /** What must be there and is not: asked for when the object has been read. */
    void checkRequired(GenericRowData row) throws Refusal {
        for (Map.Entry<String, Column> entry : columns.entrySet()) {
            Column column = entry.getValue();
            if (column.required && row.isNullAt(column.position)) {
                String found = column.seenIn == object ? "null" : "missing";
                throw new Refusal("required, found " + found).within(entry.getKey());
            }
        }
    }
}
