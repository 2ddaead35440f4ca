package io.headrace.flink.functions;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * How often each value occurs, as long as all fit into {@value #BOUND} bytes; the twin of {@code compiler/tally.py}.
 *
 * <p>Each entry is the length of a value (4 bytes), its count (8) and its bytes, in the order of the bytes. They lie in
 * one array, which has some room behind them and is changed in place. Once too many, always too many: whether the
 * values of a set fit does not depend on their order.
 */
final class ValueCounts {

    static final int BOUND = 32 * 1024;

    private static final int HEAD = Integer.BYTES + Long.BYTES;
    private static final int TOO_MANY = -1;
    private static final byte[] NOTHING = new byte[0];

    /** Room is added by an eighth: little slack in state, and few copies while it grows. */
    private static final int GROWTH_SHIFT = 3;

    private ByteBuffer entries;
    private int size;

    ValueCounts(byte[] bytes, int size) {
        this.entries = ByteBuffer.wrap(bytes);
        this.size = size;
    }

    byte[] bytes() {
        return entries.array();
    }

    /** How many bytes are used; negative where the values are too many. */
    int size() {
        return size;
    }

    byte[] packed() {
        return Arrays.copyOf(entries.array(), Math.max(size, 0));
    }

    void add(byte[] value) {
        add(0, value, 1);
    }

    /** Takes in another's values; the other is left as it is. */
    void addAll(ValueCounts other) {
        if (other.size == TOO_MANY) {
            giveUp();
        }
        int here = 0;
        for (int at = 0; at < other.size; at = other.next(at)) {
            byte[] value = Arrays.copyOfRange(other.bytes(), at + HEAD, other.next(at));
            here = add(here, value, other.entries.getLong(at + Integer.BYTES));
        }
    }

    /** Adds to a value's count; it is not before {@code from}. Where it is then. */
    private int add(int from, byte[] value, long count) {
        int at = from;
        int order = -1;
        while (at < size && (order = compare(at, value)) < 0) {
            at = next(at);
        }
        if (at < size && order == 0) {
            entries.putLong(at + Integer.BYTES, entries.getLong(at + Integer.BYTES) + count);
        } else if (size != TOO_MANY) {
            insert(at, value, count);
        }
        return at;
    }

    private int compare(int at, byte[] value) {
        return Arrays.compareUnsigned(bytes(), at + HEAD, next(at), value, 0, value.length);
    }

    private int next(int at) {
        return at + HEAD + entries.getInt(at);
    }

    private void insert(int at, byte[] value, long count) {
        int needed = size + HEAD + value.length;
        if (needed > BOUND) {
            giveUp();
            return;
        }
        if (needed > entries.capacity()) {
            entries = ByteBuffer.wrap(Arrays.copyOf(bytes(), needed + (needed >> GROWTH_SHIFT)));
        }
        System.arraycopy(bytes(), at, bytes(), at + HEAD + value.length, size - at);
        entries.putInt(at, value.length).putLong(at + Integer.BYTES, count).put(at + HEAD, value);
        size = needed;
    }

    private void giveUp() {
        entries = ByteBuffer.wrap(NOTHING);
        size = TOO_MANY;
    }
}
