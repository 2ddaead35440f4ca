package io.headrace.flink.cassandra;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * One row on its way to Cassandra, holding nothing of Flink's row.
 *
 * @param values CQL bytes in the order of the sink's columns; null leaves the column as it is
 * @param writeTime microseconds
 * @param expiresAt microseconds since the epoch, or {@link #NEVER}
 */
record PendingWrite(KeyBytes key, ByteBuffer[] values, long writeTime, long expiresAt, Kind kind) {

    /** What is written. */
    enum Kind {
        /** The columns of a row. */
        ROW,
        /** The static columns of a partition, named by its key alone. */
        STATICS,
        /** The end of a row. */
        DELETE
    }

    /** The row has no end of its own; the table's default TTL, if any, applies. */
    static final long NEVER = Long.MAX_VALUE;

    private static final long MICROS_PER_SECOND = 1_000_000;

    /** Bytes of heap beside the content, as a 64-bit JVM with short references lays it out: objects and map entries. */
    private static final long BYTES_OF_A_ROW = 256;

    /** What a node counts beside the value of a cell, and of a row that has no cell: write time, TTL and its end. */
    private static final long COUNTED_BESIDE = 20;

    /** A ByteBuffer and the header of its array. */
    private static final long BYTES_OF_A_VALUE = 80;

    boolean isDelete() {
        return kind == Kind.DELETE;
    }

    /** True when {@code newer}, of the same key, leaves nothing of this row to be seen in Cassandra. */
    boolean isHiddenBy(PendingWrite newer) {
        if (newer.writeTime == writeTime) {
            return hasContentOf(newer);
        }
        if (newer.isDelete() || isDelete()) {
            return newer.isDelete();
        }
        for (int i = 0; i < values.length; i++) {
            if (values[i] != null && newer.values[i] == null) {
                return false;
            }
        }
        return true;
    }

    /** Seconds left at {@code now} (microseconds), rounded up; zero or less when the row is past. */
    long secondsLeft(long now) {
        return -Math.floorDiv(now - expiresAt, MICROS_PER_SECOND);
    }

    boolean isExpired(long now) {
        return !isDelete() && expiresAt <= now;
    }

    /** Bytes of the values. */
    long size() {
        long size = 0;
        for (ByteBuffer value : values) {
            size += value == null ? 0 : value.remaining();
        }
        return size;
    }

    /** Bytes as a node counts them at most, when it judges whether a request of several partitions is too large. */
    long countedSize() {
        return COUNTED_BESIDE * (values.length + 1) + size();
    }

    /** Bytes of heap that the row takes while it waits, about; the key repeats a part of the values. */
    long memory() {
        return BYTES_OF_A_ROW + BYTES_OF_A_VALUE * values.length + size();
    }

    private boolean hasContentOf(PendingWrite other) {
        return kind == other.kind && expiresAt == other.expiresAt && Arrays.equals(values, other.values);
    }
}
