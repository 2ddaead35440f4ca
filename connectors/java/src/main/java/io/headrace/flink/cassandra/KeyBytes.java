package io.headrace.flink.cassandra;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** The bytes of a key, partition columns first, so that a prefix of it is the key of the partition. */
final class KeyBytes {

    private final byte[] bytes;
    private final int length;
    private final int hash;

    private KeyBytes(byte[] bytes, int length) {
        this.bytes = bytes;
        this.length = length;
        this.hash = hash(bytes, length);
    }

    /** Joins the parts, each with its length before it, so that different keys never look alike. */
    static KeyBytes of(ByteBuffer[] values, int[] positions) {
        int size = 0;
        for (int position : positions) {
            size += Integer.BYTES + values[position].remaining();
        }
        ByteBuffer joined = ByteBuffer.allocate(size);
        for (int position : positions) {
            joined.putInt(values[position].remaining()).put(values[position].duplicate());
        }
        return new KeyBytes(joined.array(), size);
    }

    /** The key made of the first {@code columns} parts; it shares the bytes of this one. */
    KeyBytes prefix(int columns) {
        ByteBuffer view = ByteBuffer.wrap(bytes);
        int end = 0;
        for (int i = 0; i < columns; i++) {
            end += Integer.BYTES + view.getInt(end);
        }
        return new KeyBytes(bytes, end);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KeyBytes that
                && hash == that.hash
                && Arrays.equals(bytes, 0, length, that.bytes, 0, that.length);
    }

    @Override
    public int hashCode() {
        return hash;
    }

    private static int hash(byte[] bytes, int length) {
        int hash = 1;
        for (int i = 0; i < length; i++) {
            hash = 31 * hash + bytes[i];
        }
        return hash;
    }
}
