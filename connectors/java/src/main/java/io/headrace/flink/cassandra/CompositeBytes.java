package io.headrace.flink.cassandra;

import java.nio.ByteBuffer;
import org.apache.flink.table.data.ArrayData;

/** The CQL forms made of parts, each part with its length before it. */
final class CompositeBytes {

    private static final int NULL_LENGTH = -1;

    private CompositeBytes() {}

    /** A user-defined type; a null part is a null field. */
    static ByteBuffer fields(ByteBuffer[] parts) {
        ByteBuffer bytes = ByteBuffer.allocate(size(parts));
        put(bytes, parts);
        return bytes.flip();
    }

    /** A list; CQL lists hold no null. */
    static ByteBuffer list(ArrayData array, ArrayData.ElementGetter getter, ValueEncoder element, String where) {
        ByteBuffer[] parts = new ByteBuffer[array.size()];
        for (int i = 0; i < parts.length; i++) {
            Object value = getter.getElementOrNull(array, i);
            if (value == null) {
                throw new CassandraSinkException("An element of an array is NULL in Cassandra table " + where
                        + ": expected values only, as CQL lists hold no null, found NULL at position " + i
                        + ". Filter the array in the query.");
            }
            parts[i] = element.encode(value);
        }
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES + size(parts)).putInt(parts.length);
        put(bytes, parts);
        return bytes.flip();
    }

    private static int size(ByteBuffer[] parts) {
        int size = parts.length * Integer.BYTES;
        for (ByteBuffer part : parts) {
            size += part == null ? 0 : part.remaining();
        }
        return size;
    }

    private static void put(ByteBuffer bytes, ByteBuffer[] parts) {
        for (ByteBuffer part : parts) {
            if (part == null) {
                bytes.putInt(NULL_LENGTH);
            } else {
                bytes.putInt(part.remaining()).put(part.duplicate());
            }
        }
    }
}
