package io.headrace.flink.cassandra;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Rows between two flushes: the newest per key, where the greatest write time is the newest.
 *
 * <p>A row that the newest does not hide wholly is kept beside it: it sets a column that the newest leaves unset, or
 * deletes columns that the newest does not write, or ties with it. What Cassandra holds in the end is therefore the
 * same as without the buffer, whatever the order of arrival.
 */
final class WriteBuffer {

    private final Map<KeyBytes, PendingWrite> newest = new HashMap<>();
    private final List<PendingWrite> beside = new ArrayList<>();
    private long memory;

    /** Adds a row; true when one row, this or an older one, became superfluous. */
    boolean add(PendingWrite write) {
        memory += write.memory();
        PendingWrite held = newest.putIfAbsent(write.key(), write);
        if (held == null) {
            return false;
        }
        boolean wins = write.writeTime() >= held.writeTime();
        PendingWrite newer = wins ? write : held;
        PendingWrite older = wins ? held : write;
        newest.put(newer.key(), newer);
        if (older.isHiddenBy(newer)) {
            memory -= older.memory();
            return true;
        }
        beside.add(older);
        return false;
    }

    int size() {
        return newest.size() + beside.size();
    }

    /** Bytes of heap that the rows take, about. */
    long memory() {
        return memory;
    }

    /** Takes all rows out, grouped by partition: the first {@code partitionColumns} parts of the key. */
    List<List<PendingWrite>> drain(int partitionColumns) {
        List<PendingWrite> rows = new ArrayList<>(newest.values());
        rows.addAll(beside);
        newest.clear();
        beside.clear();
        memory = 0;
        return Batches.byPartition(rows, partitionColumns);
    }
}
