package io.headrace.flink.cassandra;

import java.nio.ByteBuffer;
import java.util.List;
import org.apache.flink.table.data.RowData;
import org.apache.flink.types.RowKind;

/** Turns Flink's rows into pending writes at once, because Flink may reuse a row after the call. */
final class RowReader {

    /** Cassandra's own bound: 20 years. */
    static final long MAX_TTL_SECONDS = 20L * 365 * 24 * 60 * 60;

    private static final long MICROS_PER_SECOND = 1_000_000;

    private final TableSettings settings;
    private final RowData.FieldGetter[] getters;
    private final ValueEncoder[] encoders;
    private final int[] key;
    private final MicroClock clock;
    private final int writeTime;
    private final int ttl;
    private final int expiresAt;

    RowReader(TableSettings settings, List<String> key, ValueEncoder[] encoders, MicroClock clock) {
        this.settings = settings;
        this.encoders = encoders;
        this.clock = clock;
        this.key = key.stream().mapToInt(settings.columns()::indexOf).toArray();
        this.getters = new RowData.FieldGetter[encoders.length];
        for (int i = 0; i < getters.length; i++) {
            getters[i] = RowData.createFieldGetter(settings.types().get(i), i);
        }
        this.writeTime = settings.metadataPosition(WriteMetadata.WRITE_TIME);
        this.ttl = settings.metadataPosition(WriteMetadata.TTL);
        this.expiresAt = settings.metadataPosition(WriteMetadata.EXPIRES_AT);
    }

    PendingWrite read(RowData row) {
        ByteBuffer[] values = new ByteBuffer[encoders.length];
        for (int i = 0; i < values.length; i++) {
            Object value = getters[i].getFieldOrNull(row);
            values[i] = value == null ? null : encoders[i].encode(value);
        }
        requireKey(values);
        boolean isDelete = isRetraction(row.getRowKind());
        long end = isDelete ? PendingWrite.NEVER : end(row);
        return new PendingWrite(KeyBytes.of(values, key), values, writeTime(row), end, isDelete);
    }

    /** The planner sends the row before an update to upsert sinks too, where a filter may drop the row after it. */
    static boolean isRetraction(RowKind kind) {
        return kind == RowKind.DELETE || kind == RowKind.UPDATE_BEFORE;
    }

    private void requireKey(ByteBuffer[] values) {
        for (int position : key) {
            if (values[position] == null) {
                throw new CassandraSinkException("A row for Cassandra table " + settings.qualifiedName()
                        + " has no key: expected a value in column '" + settings.columns().get(position)
                        + "', found NULL. Filter such rows out in the query.");
            }
        }
    }

    /** Without a declared write time, arrival decides: strictly increasing, so a retry never overtakes a later row. */
    private long writeTime(RowData row) {
        if (writeTime < 0) {
            return clock.next();
        }
        if (row.isNullAt(writeTime)) {
            throw new CassandraSinkException("A row for Cassandra table " + settings.qualifiedName()
                    + " has no version: expected microseconds in metadata column 'write_time', found NULL."
                    + " Give every row a write time in the query, or do not declare the column.");
        }
        return row.getLong(writeTime);
    }

    private long end(RowData row) {
        long now = clock.now();
        long end = PendingWrite.NEVER;
        if (ttl >= 0 && !row.isNullAt(ttl)) {
            end = now + row.getInt(ttl) * MICROS_PER_SECOND;
        } else if (expiresAt >= 0 && !row.isNullAt(expiresAt)) {
            end = row.getLong(expiresAt);
        }
        // Compared without a subtraction, which could overflow for an absurd instant.
        if (end != PendingWrite.NEVER && end > now + MAX_TTL_SECONDS * MICROS_PER_SECOND) {
            throw tooLong(end);
        }
        return end;
    }

    private CassandraSinkException tooLong(long end) {
        return new CassandraSinkException("A row for Cassandra table " + settings.qualifiedName()
                + " expires too late: expected at most " + MAX_TTL_SECONDS + " s (20 years) from now, Cassandra's own"
                + " bound, found the instant " + end + " µs. Give NULL for a row that never expires.");
    }
}
