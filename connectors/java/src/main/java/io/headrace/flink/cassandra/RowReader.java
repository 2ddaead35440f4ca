package io.headrace.flink.cassandra;

import io.headrace.flink.cassandra.PendingWrite.Kind;
import java.nio.ByteBuffer;
import java.util.function.Consumer;
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
    private final int[] partition;
    private final int[] statics;
    private final MicroClock clock;
    private final int writeTime;
    private final int staticWriteTime;
    private final int ttl;
    private final int expiresAt;

    RowReader(TableSettings settings, WriteShape shape, ValueEncoder[] encoders, MicroClock clock) {
        this.settings = settings;
        this.encoders = encoders;
        this.clock = clock;
        this.key = settings.positions(shape.key());
        this.partition = settings.positions(shape.partition());
        this.statics = settings.positions(shape.statics());
        this.getters = new RowData.FieldGetter[encoders.length];
        for (int i = 0; i < getters.length; i++) {
            getters[i] = RowData.createFieldGetter(settings.types().get(i), i);
        }
        this.writeTime = settings.metadataPosition(WriteMetadata.WRITE_TIME);
        this.staticWriteTime = settings.metadataPosition(WriteMetadata.STATIC_WRITE_TIME);
        this.ttl = settings.metadataPosition(WriteMetadata.TTL);
        this.expiresAt = settings.metadataPosition(WriteMetadata.EXPIRES_AT);
    }

    /** Gives one write for the row and, where it sets static columns at a time of their own, one for these. */
    void read(RowData row, Consumer<PendingWrite> out) {
        ByteBuffer[] values = encode(row);
        requireKey(values);
        ByteBuffer[] apart = takeStatics(values);
        Kind kind = isRetraction(row.getRowKind()) ? Kind.DELETE : Kind.ROW;
        long end = kind == Kind.DELETE ? PendingWrite.NEVER : end(row);
        out.accept(new PendingWrite(KeyBytes.of(values, key), values, writeTime(row), end, kind));
        if (apart != null && kind == Kind.ROW) {
            long time = version(row, staticWriteTime, WriteMetadata.STATIC_WRITE_TIME);
            out.accept(new PendingWrite(KeyBytes.of(apart, partition), apart, time, PendingWrite.NEVER, Kind.STATICS));
        }
    }

    /** The planner sends the row before an update to upsert sinks too, where a filter may drop the row after it. */
    static boolean isRetraction(RowKind kind) {
        return kind == RowKind.DELETE || kind == RowKind.UPDATE_BEFORE;
    }

    private ByteBuffer[] encode(RowData row) {
        ByteBuffer[] values = new ByteBuffer[encoders.length];
        for (int i = 0; i < values.length; i++) {
            Object value = getters[i].getFieldOrNull(row);
            values[i] = value == null ? null : encoders[i].encode(value);
        }
        return values;
    }

    /** Moves the static values to a row of partition key and statics alone; null when there are none. */
    private ByteBuffer[] takeStatics(ByteBuffer[] values) {
        if (statics.length == 0) {
            return null;
        }
        ByteBuffer[] apart = new ByteBuffer[values.length];
        boolean any = false;
        for (int position : statics) {
            apart[position] = values[position];
            any |= values[position] != null;
            values[position] = null;
        }
        for (int position : partition) {
            apart[position] = values[position];
        }
        return any ? apart : null;
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
        return version(row, writeTime, WriteMetadata.WRITE_TIME);
    }

    private long version(RowData row, int position, String column) {
        if (row.isNullAt(position)) {
            throw new CassandraSinkException("A row for Cassandra table " + settings.qualifiedName()
                    + " has no version: expected microseconds in metadata column '" + column + "', found NULL."
                    + " Give every row a write time in the query, or do not declare the column.");
        }
        return row.getLong(position);
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
