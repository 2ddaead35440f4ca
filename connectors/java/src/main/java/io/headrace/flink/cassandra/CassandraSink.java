package io.headrace.flink.cassandra;

import java.io.IOException;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.table.data.RowData;

/**
 * Writes rows to one Cassandra table, at least once.
 *
 * <p>Every row acknowledged before a checkpoint is complete is in Cassandra; after a failure some rows are written
 * again. With {@code write_time} taken from the data a repeated row changes nothing, so the table is as if written
 * exactly once.
 */
public final class CassandraSink implements Sink<RowData> {

    private static final long serialVersionUID = 1L;

    private final ConnectionSettings connection;
    private final DeliverySettings delivery;
    private final TableSettings table;

    CassandraSink(ConnectionSettings connection, DeliverySettings delivery, TableSettings table) {
        this.connection = connection;
        this.delivery = delivery;
        this.table = table;
    }

    @Override
    public SinkWriter<RowData> createWriter(WriterInitContext context) throws IOException {
        try {
            return CassandraWriter.open(connection, delivery, table, context);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while opening the sink of " + table.qualifiedName(), e);
        }
    }

    @Override
    public String toString() {
        return "CassandraSink(" + table.qualifiedName() + ")";
    }
}
