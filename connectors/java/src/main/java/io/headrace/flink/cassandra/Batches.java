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

    /**
     * Partitions in one request, and bytes in a request of several. Above ten
     * (unlogged_batch_across_partitions_warn_threshold) or 5 KiB (batch_size_warn_threshold) a node logs a warning, above
     * 50 KiB (batch_size_fail_threshold) it refuses; a request of one partition it does not measure.
     */
    static final int MAX_PARTITIONS = 10;

    static final long MAX_SHARED_BYTES = 5 * 1024;

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

    /** Rows grouped by partition: the first {@code partitionColumns} parts of their keys. */
    static List<List<PendingWrite>> byPartition(List<PendingWrite> rows, int partitionColumns) {
        Map<KeyBytes, List<PendingWrite>> partitions = new HashMap<>();
        for (PendingWrite row : rows) {
            partitions.computeIfAbsent(row.key().prefix(partitionColumns), key -> new ArrayList<>(1)).add(row);
        }
        return new ArrayList<>(partitions.values());
    }

    private void add(List<PendingWrite> partition, Set<?> replicas) {
        List<List<PendingWrite>> pieces = pieces(partition);
        if (replicas.isEmpty() || pieces.size() > 1) {
            full.addAll(pieces);
            return;
        }
        Batch batch = open.computeIfAbsent(replicas, nodes -> new Batch());
        if (!batch.hasRoomFor(partition)) {
            full.add(batch.rows);
            batch = new Batch();
            open.put(replicas, batch);
        }
        batch.add(partition);
    }

    /** The rows of one partition, cut where a request would be too large. */
    private static List<List<PendingWrite>> pieces(List<PendingWrite> partition) {
        List<List<PendingWrite>> pieces = new ArrayList<>(1);
        int from = 0;
        long bytes = 0;
        for (int i = 0; i < partition.size(); i++) {
            long size = partition.get(i).size();
            boolean full = i - from == MAX_ROWS || bytes + size > MAX_BYTES;
            if (full && i > from) {
                pieces.add(partition.subList(from, i));
                from = i;
                bytes = 0;
            }
            bytes += size;
        }
        pieces.add(partition.subList(from, partition.size()));
        return pieces;
    }

    /** Whole partitions of one request to be. */
    private static final class Batch {
        private final List<PendingWrite> rows = new ArrayList<>(1);
        private long bytes;
        private int partitions;

        private boolean hasRoomFor(List<PendingWrite> partition) {
            return partitions == 0
                    || partitions < MAX_PARTITIONS
                            && rows.size() + partition.size() <= MAX_ROWS
                            && bytes + counted(partition) <= MAX_SHARED_BYTES;
        }

        private void add(List<PendingWrite> partition) {
            rows.addAll(partition);
            bytes += counted(partition);
            partitions++;
        }

        private static long counted(List<PendingWrite> partition) {
            return partition.stream().mapToLong(PendingWrite::countedSize).sum();
        }
    }
}
