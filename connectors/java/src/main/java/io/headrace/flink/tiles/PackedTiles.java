package io.headrace.flink.tiles;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Some tiles of one entity in bytes: 8-byte words, as many for each tile, ascending by start.
 *
 * <p>The words of a tile: its start (µs), the number of its events, the newest event time (µs), a bit for each value
 * that is not NULL with one more for whether the tile is new or changed, and the values.
 */
final class PackedTiles {

    /** Bits of a word, less the one that says whether a tile changed. */
    static final int MOST_VALUES = Long.SIZE - 1;

    private static final byte[] NONE = new byte[0];
    private static final VarHandle WORDS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int START = 0;
    private static final int EVENTS = 1;
    private static final int NEWEST = 2;
    private static final int BITS = 3;
    private static final int VALUES = 4;
    private static final long CHANGED = Long.MIN_VALUE;

    private final Operation[] operations;
    private final int width;
    private byte[] bytes;

    PackedTiles(Operation[] operations, byte[] bytes) {
        this.operations = operations;
        this.width = VALUES + operations.length;
        this.bytes = bytes;
    }

    static byte[] none() {
        return NONE;
    }

    byte[] bytes() {
        return bytes;
    }

    int size() {
        return bytes.length / Long.BYTES / width;
    }

    long start(int tile) {
        return word(tile, START);
    }

    long events(int tile) {
        return word(tile, EVENTS);
    }

    long newest(int tile) {
        return word(tile, NEWEST);
    }

    boolean hasChanged(int tile) {
        return (word(tile, BITS) & CHANGED) != 0;
    }

    /** From here on the tile counts as not changed. */
    void settle(int tile) {
        set(tile, BITS, word(tile, BITS) & ~CHANGED);
    }

    boolean isPresent(int tile, int value) {
        return (word(tile, BITS) >>> value & 1) != 0;
    }

    long value(int tile, int value) {
        return word(tile, VALUES + value);
    }

    /** Counts events into the tile with this start, and returns its number, by which their values are added. */
    int count(long start, long events, long newest) {
        int tile = numberOf(start);
        set(tile, EVENTS, word(tile, EVENTS) + events);
        set(tile, NEWEST, Math.max(word(tile, NEWEST), newest));
        set(tile, BITS, word(tile, BITS) | CHANGED);
        return tile;
    }

    void add(int tile, int value, long x) {
        set(tile, VALUES + value, isPresent(tile, value) ? operations[value].of(value(tile, value), x) : x);
        set(tile, BITS, word(tile, BITS) | 1L << value);
    }

    void addAll(PackedTiles others) {
        for (int other = 0; other < others.size(); other++) {
            addTile(others, other, others.start(other));
        }
    }

    /** Adds one of other tiles to the tile with this start. */
    void addTile(PackedTiles others, int other, long start) {
        int tile = count(start, others.events(other), others.newest(other));
        for (int value = 0; value < operations.length; value++) {
            if (others.isPresent(other, value)) {
                add(tile, value, others.value(other, value));
            }
        }
    }

    /** The number of the tile with this start, which is made if there is none; events mostly come in time's order. */
    private int numberOf(long start) {
        int after = size();
        while (after > 0 && start(after - 1) > start) {
            after--;
        }
        if (after > 0 && start(after - 1) == start) {
            return after - 1;
        }
        insert(after, start);
        return after;
    }

    private void insert(int tile, long start) {
        int length = width * Long.BYTES;
        int from = tile * length;
        byte[] longer = new byte[bytes.length + length];
        System.arraycopy(bytes, 0, longer, 0, from);
        System.arraycopy(bytes, from, longer, from + length, bytes.length - from);
        bytes = longer;
        set(tile, START, start);
        set(tile, NEWEST, Long.MIN_VALUE);
    }

    private long word(int tile, int word) {
        return (long) WORDS.get(bytes, (tile * width + word) * Long.BYTES);
    }

    private void set(int tile, int word, long x) {
        WORDS.set(bytes, (tile * width + word) * Long.BYTES, x);
    }
}
