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

    private final Layout layout;
    private final int width;
    private byte[] bytes;

    PackedTiles(Layout layout, byte[] bytes) {
        this.layout = layout;
        this.width = VALUES + layout.size();
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
        setWord(tile, BITS, word(tile, BITS) & ~CHANGED);
    }

    boolean isPresent(int tile, int value) {
        return (word(tile, BITS) >>> value & 1) != 0;
    }

    /** A value as a word; 0 where it is NULL. */
    long value(int tile, int value) {
        return word(tile, VALUES + value);
    }

    void set(int tile, int value, long x) {
        setWord(tile, VALUES + value, x);
        setWord(tile, BITS, word(tile, BITS) | 1L << value);
    }

    /** From here on the value is NULL. */
    void clear(int tile, int value) {
        setWord(tile, VALUES + value, 0);
        setWord(tile, BITS, word(tile, BITS) & ~(1L << value));
    }

    /** Counts events into the tile with this start, and returns its number. */
    private int count(long start, long events, long newest) {
        int tile = numberOf(start);
        setWord(tile, EVENTS, word(tile, EVENTS) + events);
        setWord(tile, NEWEST, Math.max(word(tile, NEWEST), newest));
        setWord(tile, BITS, word(tile, BITS) | CHANGED);
        return tile;
    }

    /** Takes a row with these values into the tile with this start; its event time is in µs. */
    void addRow(long start, long us, Object[] row) {
        layout.add(this, count(start, 1, us), row);
    }

    void addAll(PackedTiles others) {
        for (int other = 0; other < others.size(); other++) {
            addTile(others, other, others.start(other));
        }
    }

    /** Takes one of other tiles into the tile with this start. */
    void addTile(PackedTiles others, int other, long start) {
        layout.merge(this, count(start, others.events(other), others.newest(other)), others, other);
    }

    /** A value as a word. */
    static long word(Object value) {
        return value instanceof Double number ? Double.doubleToRawLongBits(number) : (Long) value;
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
        setWord(tile, START, start);
        setWord(tile, NEWEST, Long.MIN_VALUE);
    }

    private long word(int tile, int word) {
        return (long) WORDS.get(bytes, (tile * width + word) * Long.BYTES);
    }

    private void setWord(int tile, int word, long x) {
        WORDS.set(bytes, (tile * width + word) * Long.BYTES, x);
    }
}
