package io.headrace.flink.cassandra;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.BatchType;
import com.datastax.oss.driver.api.core.cql.BatchableStatement;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.BoundStatementBuilder;
import com.datastax.oss.driver.api.core.cql.ColumnDefinitions;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Statement;
import com.datastax.oss.driver.api.core.type.codec.TypeCodec;
import io.headrace.flink.cassandra.PendingWrite.Kind;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The prepared statements of one sink, and how pending writes are bound to them. */
final class StatementBinder {

    private final TableSettings settings;
    private final WriteShape shape;
    private final int[] key;
    private final int[] partition;
    private final int[] apart;
    private final boolean hasTtl;
    private final PreparedStatement insert;
    private final PreparedStatement insertStatics;
    private final PreparedStatement delete;

    private StatementBinder(CqlSession session, TableSettings settings, WriteShape shape) {
        this.settings = settings;
        this.shape = shape;
        this.key = settings.positions(shape.key());
        this.partition = settings.positions(shape.partition());
        List<String> partitionAndStatics = Stream.concat(shape.partition().stream(), shape.statics().stream()).toList();
        this.apart = settings.positions(partitionAndStatics);
        this.hasTtl = settings.metadata().contains(WriteMetadata.TTL)
                || settings.metadata().contains(WriteMetadata.EXPIRES_AT);
        this.insert = session.prepare(Cql.insert(settings, settings.columns(), hasTtl));
        this.insertStatics =
                shape.statics().isEmpty() ? null : session.prepare(Cql.insert(settings, partitionAndStatics, false));
        this.delete = settings.isUpsert() ? session.prepare(Cql.delete(settings, shape.key())) : null;
    }

    /** Reads the table's layout, checks the sink against it and prepares the statements. */
    static StatementBinder open(CqlSession session, TableSettings settings, Patience patience)
            throws InterruptedException {
        String table = settings.qualifiedName();
        TableLayout layout = patience.call("read the columns of Cassandra table " + table,
                () -> TableLayout.read(session, settings.keyspace(), settings.table()));
        WriteShape shape = WriteShape.of(settings, layout);
        return patience.call("prepare the writes to Cassandra table " + table,
                () -> new StatementBinder(session, settings, shape));
    }

    WriteShape shape() {
        return shape;
    }

    /** One encoder per column of the sink; a type that does not fit is an error. */
    ValueEncoder[] encoders() {
        ValueEncoders types = new ValueEncoders(settings.qualifiedName());
        ColumnDefinitions variables = insert.getVariableDefinitions();
        ValueEncoder[] encoders = new ValueEncoder[settings.columns().size()];
        for (int i = 0; i < encoders.length; i++) {
            encoders[i] = types.of(settings.types().get(i), variables.get(i).getType(), settings.columns().get(i));
        }
        return encoders;
    }

    /**
     * One idempotent statement for rows: a single write, or an unlogged batch, of which the server applies the rows of
     * a partition as one mutation.
     *
     * @param now microseconds; what remains until {@code expiresAt} becomes the TTL
     */
    Statement<?> bind(List<PendingWrite> writes, long now) {
        if (writes.size() == 1) {
            return bind(writes.get(0), now);
        }
        List<BatchableStatement<?>> statements = new ArrayList<>(writes.size());
        for (PendingWrite write : writes) {
            statements.add(bind(write, now));
        }
        return BatchStatement.builder(BatchType.UNLOGGED).addStatements(statements).setIdempotence(true).build();
    }

    private BoundStatement bind(PendingWrite write, long now) {
        return switch (write.kind()) {
            case ROW -> bindInsert(write, now);
            case STATICS -> bindStatics(write);
            case DELETE -> bindDelete(write);
        };
    }

    private BoundStatement bindStatics(PendingWrite write) {
        BoundStatementBuilder bound = insertStatics.boundStatementBuilder();
        for (int i = 0; i < apart.length; i++) {
            ByteBuffer value = write.values()[apart[i]];
            if (value != null) {
                bound = bound.setBytesUnsafe(i, value);
            }
        }
        bound = bound.setBytesUnsafe(apart.length, ScalarBytes.bigint(write.writeTime()));
        return bound.setIdempotence(true).build();
    }

    /** Variables that are not set stay UNSET, so a NULL writes nothing, not even a tombstone. */
    private BoundStatement bindInsert(PendingWrite write, long now) {
        BoundStatementBuilder bound = insert.boundStatementBuilder();
        ByteBuffer[] values = write.values();
        for (int i = 0; i < values.length; i++) {
            if (values[i] != null) {
                bound = bound.setBytesUnsafe(i, values[i]);
            }
        }
        bound = bound.setBytesUnsafe(values.length, ScalarBytes.bigint(write.writeTime()));
        if (hasTtl && write.expiresAt() != PendingWrite.NEVER) {
            bound = bound.setBytesUnsafe(values.length + 1, ScalarBytes.integer((int) write.secondsLeft(now)));
        }
        return bound.setIdempotence(true).build();
    }

    private BoundStatement bindDelete(PendingWrite write) {
        BoundStatementBuilder bound = delete.boundStatementBuilder();
        bound = bound.setBytesUnsafe(0, ScalarBytes.bigint(write.writeTime()));
        for (int i = 0; i < key.length; i++) {
            bound = bound.setBytesUnsafe(i + 1, write.values()[key[i]]);
        }
        return bound.setIdempotence(true).build();
    }

    /** The key of a write as CQL literals, for errors. */
    String describeKey(PendingWrite write) {
        List<String> parts = new ArrayList<>();
        for (int position : write.kind() == Kind.STATICS ? partition : key) {
            parts.add(settings.columns().get(position) + "=" + literal(position, write.values()[position]));
        }
        return String.join(", ", parts);
    }

    private String literal(int position, ByteBuffer bytes) {
        BoundStatementBuilder bound = insert.boundStatementBuilder();
        TypeCodec<Object> codec = bound.codecRegistry()
                .codecFor(insert.getVariableDefinitions().get(position).getType());
        return codec.format(codec.decode(bytes.duplicate(), bound.protocolVersion()));
    }
}
