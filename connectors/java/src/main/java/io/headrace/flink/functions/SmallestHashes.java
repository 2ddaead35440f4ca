package io.headrace.flink.functions;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A set of 63-bit hashes as a sorted run of little-endian longs, of which only the smallest
 * {@value #CAPACITY} are kept: the state of a Theta sketch that depends on the set alone.
 *
 * <p>Most tiles hold a few values, for which a sorted run is smaller and faster than a hash table; at
 * capacity an insert moves 16 KiB on average, well under a microsecond. The bytes are changed in place.
 */
final class SmallestHashes {

    /** Nominal entries of the sketch: the size up to which the count is exact. */
    static final int NOMINAL = 4096;

    /** One more than nominal: when full, the greatest hash is theta, the bound of what is kept. */
    static final int CAPACITY = NOMINAL + 1;

    /** Room is added by an eighth: little slack in state, and few copies while a set grows. */
    private static final int GROWTH_SHIFT = 3;

    private static final VarHandle LONGS =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private byte[] bytes;
    private int size;

    SmallestHashes(byte[] bytes, int size) {
        this.bytes = bytes;
        this.size = size;
    }

    byte[] bytes() {
        return bytes;
    }

    int size() {
        return size;
    }

    long get(int index) {
        return (long) LONGS.get(bytes, index * Long.BYTES);
    }

    /** Adds a hash; whether the set changed. */
    boolean add(long hash) {
        if (size == CAPACITY && hash >= get(size - 1)) {
            return false;
        }
        int found = indexOf(hash);
        if (found >= 0) {
            return false;
        }
        insert(-found - 1, hash);
        return true;
    }

    private int indexOf(long hash) {
        int low = 0;
        int high = size - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            long candidate = get(middle);
            if (candidate == hash) {
                return middle;
            }
            if (candidate < hash) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return -low - 1;
    }

    private void insert(int index, long hash) {
        int kept = Math.min(size, CAPACITY - 1);
        reserve(kept + 1);
        int at = index * Long.BYTES;
        System.arraycopy(bytes, at, bytes, at + Long.BYTES, (kept - index) * Long.BYTES);
        LONGS.set(bytes, at, hash);
        size = kept + 1;
    }

    private void reserve(int needed) {
        if (needed * Long.BYTES > bytes.length) {
            int room = Math.min(CAPACITY, needed + (needed >> GROWTH_SHIFT));
            bytes = Arrays.copyOf(bytes, room * Long.BYTES);
        }
    }

    /** Union with another set, which is left as it is. */
    void addAll(SmallestHashes other) {
        byte[] merged = new byte[Math.min(CAPACITY, size + other.size) * Long.BYTES];
        int out = 0;
        int i = 0;
        int j = 0;
        while (out < CAPACITY && (i < size || j < other.size)) {
            long a = i < size ? get(i) : Long.MAX_VALUE;
            long b = j < other.size ? other.get(j) : Long.MAX_VALUE;
            LONGS.set(merged, out++ * Long.BYTES, Math.min(a, b));
            i += a <= b ? 1 : 0;
            j += b <= a ? 1 : 0;
        }
        bytes = merged;
        size = out;
    }
}
