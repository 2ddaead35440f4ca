package io.headrace.flink.functions;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Numbers counted by what they round to: seven binary digits, half away from zero. The twin of {@code
 * compiler/buckets.py}, which says what the buckets and their bytes are.
 *
 * <p>Entries lie in ascending order in one array, which has some room behind them and is changed in place.
 */
final class BucketCounts {

    /** Buckets of each sign: of 32 powers of two, 64 each. What is smaller beside the largest counts as 0. */
    static final int SPAN = 32 << 6;

    /** Of the 52 bits behind a double's first digit six are kept. */
    private static final int SHIFT = 46;

    private static final long HALF = 1L << (SHIFT - 1);
    private static final int GREATEST = (2047 << 6) - 1;
    private static final int ENTRY = Integer.BYTES + Long.BYTES;

    /** Room is added by an eighth: little slack in state, and few copies while it grows. */
    private static final int GROWTH_SHIFT = 3;

    private ByteBuffer entries;
    private int size;

    BucketCounts(byte[] bytes, int size) {
        this.entries = ByteBuffer.wrap(bytes);
        this.size = size;
    }

    /** The number of a finite number's bucket: its leading bits, with its sign; 0 for what has no first digit. */
    static int bucketOf(double x) {
        if (Math.abs(x) < Double.MIN_NORMAL) {
            return 0;
        }
        int size = (int) Math.min((Double.doubleToRawLongBits(Math.abs(x)) + HALF) >> SHIFT, GREATEST);
        return x > 0 ? size : -size;
    }

    byte[] bytes() {
        return entries.array();
    }

    int size() {
        return size;
    }

    byte[] packed() {
        return Arrays.copyOf(entries.array(), size * ENTRY);
    }

    void add(int bucket) {
        int floor = floor();
        add(Math.abs(bucket) <= floor ? 0 : bucket, 1);
        if (floor() > floor) {
            bound();
        }
    }

    /** Takes in another's buckets; the other is left as it is. */
    void addAll(BucketCounts other) {
        BucketCounts merged = new BucketCounts(new byte[(size + other.size) * ENTRY], 0);
        int i = 0;
        int j = 0;
        while (i < size || j < other.size) {
            boolean mine = j == other.size || (i < size && bucket(i) <= other.bucket(j));
            merged.append(mine ? bucket(i) : other.bucket(j), mine ? count(i++) : other.count(j++));
        }
        take(merged);
        bound();
    }

    private int bucket(int index) {
        return entries.getInt(index * ENTRY);
    }

    private long count(int index) {
        return entries.getLong(index * ENTRY + Integer.BYTES);
    }

    private void set(int index, int bucket, long count) {
        entries.putInt(index * ENTRY, bucket).putLong(index * ENTRY + Integer.BYTES, count);
    }

    private void take(BucketCounts other) {
        entries = other.entries;
        size = other.size;
    }

    /** Adds behind all others, to the last entry where it is of the same bucket. */
    private void append(int bucket, long count) {
        boolean same = size > 0 && bucket(size - 1) == bucket;
        set(same ? size - 1 : size++, bucket, same ? count(size - 1) + count : count);
    }

    private void add(int bucket, long count) {
        int index = indexOf(bucket);
        if (index < size && bucket(index) == bucket) {
            set(index, bucket, count(index) + count);
            return;
        }
        reserve(size + 1);
        byte[] bytes = entries.array();
        System.arraycopy(bytes, index * ENTRY, bytes, (index + 1) * ENTRY, (size - index) * ENTRY);
        set(index, bucket, count);
        size++;
    }

    /** Where a bucket is, or belongs. */
    private int indexOf(int bucket) {
        int low = 0;
        int high = size;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (bucket(middle) < bucket) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    private void reserve(int needed) {
        if (needed * ENTRY > entries.capacity()) {
            entries = ByteBuffer.wrap(Arrays.copyOf(entries.array(), roomFor(needed) * ENTRY));
        }
    }

    private static int roomFor(int needed) {
        return needed + (needed >> GROWTH_SHIFT);
    }

    /** The size of a bucket up to which it counts as 0. */
    private int floor() {
        return size == 0 ? -SPAN : Math.max(Math.abs(bucket(0)), Math.abs(bucket(size - 1))) - SPAN;
    }

    /** Counts as 0 what is too small beside the largest bucket: with what is 0 already it is one run of entries. */
    private void bound() {
        int floor = floor();
        BucketCounts kept = new BucketCounts(new byte[entries.capacity()], 0);
        for (int i = 0; i < size; i++) {
            kept.append(Math.abs(bucket(i)) <= floor ? 0 : bucket(i), count(i));
        }
        take(kept);
        trim();
    }

    /** Gives back room beyond what growing leaves, for it would lie in state. */
    private void trim() {
        if (entries.capacity() > roomFor(size) * ENTRY) {
            entries = ByteBuffer.wrap(packed());
        }
    }
}
