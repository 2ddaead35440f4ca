package io.headrace.flink.cassandra;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * Makes requests of partitions: a large one is cut, small ones that the same nodes keep share a request.
 *
 * <p>The driver sends a request to a node that keeps its first partition, so that node keeps all others of it too.
 */
final class Batches {

    /**
     * Rows in one request. Measured on one node, server CPU seconds per 100,000 small rows: 4.4 to 11.8 one by one, 2.3
     * at ten rows, 2.1 at fifty: beyond that nothing is gained, and a retry repeats more.
     */
    static final int MAX_ROWS = 50;

    /** Bytes in one request: rows with sketches may be large, and a node holds a whole request on its heap. */
    static final long MAX_BYTES = 256 * 1024;

    /** Partitions in one request: beyond ten a node logs a warning (unlogged_batch_across_partitions_warn_threshold). */
    static final int MAX_PARTITIONS = 10;

    private final List<List<PendingWrite>> full = new ArrayList<>();
    private final Map<Set<?>, Batch> open = new HashMap<>();

    private Batches() {}

    /**
     * Requests of at least one row each, whatever its size.
     *
     * @param replicas the nodes of a row's partition; a partition of unknown nodes, an empty set, has its own requests
     */
    static List<List<PendingWrite>> of(
            List<List<PendingWrite>> partitions, Function<PendingWrite, ? extends Set<?>> replicas) {
        Batches batches = new Batches();
        for (List<PendingWrite> partition : partitions) {
            batches.add(partition, replicas.apply(partition.get(0)));
        }
        batches.open.values().forEach(batch -> batches.full.add(batch.rows));
        return batches.full;
    }

    private void add(List<PendingWrite> partition, Set<?> replicas) {
        Batch batch = open.getOrDefault(replicas, new Batch());
        if (!batch.hasRoomFor(partition)) {
            full.add(batch.rows);
            batch = new Batch();
        }
        batch.partitions++;
        for (PendingWrite write : partition) {
            if (!batch.hasRoomFor(write)) {
                full.add(batch.rows);
                batch = new Batch();
                batch.partitions++;
            }
            batch.add(write);
        }
        if (replicas.isEmpty()) {
            full.add(batch.rows);
        } else {
            open.put(replicas, batch);
        }
    }

    /** Rows of one request to be. */
    private static final class Batch {
        private final List<PendingWrite> rows = new ArrayList<>(1);
        private long bytes;
        private int partitions;

        /** Whether a whole partition fits, so that none is cut that need not be. */
        private boolean hasRoomFor(List<PendingWrite> partition) {
            return rows.isEmpty()
                    || partitions < MAX_PARTITIONS
                            && rows.size() + partition.size() <= MAX_ROWS
                            && bytes + partition.stream().mapToLong(PendingWrite::size).sum() <= MAX_BYTES;
        }

        private boolean hasRoomFor(PendingWrite write) {
            return rows.isEmpty() || rows.size() < MAX_ROWS && bytes + write.size() <= MAX_BYTES;
        }

        private void add(PendingWrite write) {
            rows.add(write);
            bytes += write.size();
        }
    }
}
