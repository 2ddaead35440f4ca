package io.headrace.flink.functions;

import java.util.Arrays;
import java.util.stream.Stream;
import org.apache.flink.types.Row;

/** One part of every element of a list, by the names that lead to it. */
final class Parts {

    /** A part that is NULL in a struct that is there. */
    static final Object MISSING = new Object();

    private Parts() {}

    /** The parts of those elements that have the struct around it. */
    static Stream<Object> of(Object[] elements, String path) {
        String[] names = path.split("\\.");
        return Arrays.stream(elements)
                .map(element -> around(element, names))
                .filter(struct -> struct != null)
                .map(struct -> part((Row) struct, names[names.length - 1]));
    }

    private static Object around(Object element, String[] names) {
        Object struct = element;
        for (int i = 0; i < names.length - 1 && struct != null; i++) {
            struct = ((Row) struct).getField(names[i]);
        }
        return struct;
    }

    private static Object part(Row struct, String name) {
        Object value = struct.getField(name);
        return value == null ? MISSING : value;
    }
}
