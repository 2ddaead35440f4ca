package io.headrace.flink.functions;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A few rows, the newest first by (event time, partition, offset), each as bytes: the place (8, 4 and 8 bytes), whether
 * there is a value (1 byte), and the value. Packed, each row stands behind its length (4 bytes). Big-endian.
 */
final class NewestRows {

    private static final int PLACE = Long.BYTES + Integer.BYTES + Long.BYTES;

    private final List<byte[]> rows = new ArrayList<>();

    static NewestRows of(byte[] packed) {
        NewestRows found = new NewestRows();
        ByteBuffer buffer = ByteBuffer.wrap(packed);
        while (buffer.hasRemaining()) {
            byte[] row = new byte[buffer.getInt()];
            buffer.get(row);
            found.rows.add(row);
        }
        return found;
    }

    /** A row of a value, or of NULL. */
    static byte[] row(long micros, int partition, long offset, byte[] value) {
        ByteBuffer buffer = ByteBuffer.allocate(PLACE + 1 + (value == null ? 0 : value.length));
        buffer.putLong(micros).putInt(partition).putLong(offset).put((byte) (value == null ? 0 : 1));
        return value == null ? buffer.array() : buffer.put(value).array();
    }

    /** Takes a row in, and keeps the newest, so many at most. Whether anything changed. */
    boolean add(byte[] row, int limit) {
        int place = rows.size();
        while (place > 0 && compare(rows.get(place - 1), row) < 0) {
            place--;
        }
        if (place >= limit) {
            return false;
        }
        rows.add(place, row);
        if (rows.size() > limit) {
            rows.remove(limit);
        }
        return true;
    }

    void addAll(NewestRows others, int limit) {
        others.rows.forEach(row -> add(row, limit));
    }

    byte[] packed() {
        ByteBuffer buffer = ByteBuffer.allocate(rows.stream().mapToInt(row -> Integer.BYTES + row.length).sum());
        rows.forEach(row -> buffer.putInt(row.length).put(row));
        return buffer.array();
    }

    private static int compare(byte[] left, byte[] right) {
        return place(left).compareTo(place(right));
    }

    private static Place place(byte[] row) {
        ByteBuffer buffer = ByteBuffer.wrap(row);
        return new Place(buffer.getLong(), buffer.getInt(), buffer.getLong());
    }
}
