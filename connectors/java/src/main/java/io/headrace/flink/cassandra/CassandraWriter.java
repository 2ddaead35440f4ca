package io.headrace.flink.cassandra;

import java.time.Clock;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.common.operators.ProcessingTimeService;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.table.data.RowData;

/**
 * Buffers rows by key and sends them when the buffer is full, after a short while, and before each checkpoint.
 *
 * <p>When {@link #flush} returns, Cassandra has acknowledged every row written before it.
 */
final class CassandraWriter implements SinkWriter<RowData> {

    private final SharedSession shared;
    private final RowReader reader;
    private final boolean takesRetractions;
    private final RequestSender sender;
    private final SinkMetrics metrics = new SinkMetrics();
    private final WriteBuffer buffer = new WriteBuffer();
    private final ProcessingTimeService timers;
    private final int partitionColumns;
    private final Replicas replicas;
    private final long bufferBytes;
    private final long flushIntervalMillis;
    private boolean timerIsSet;
    private volatile boolean closed;

    private CassandraWriter(
            SharedSession shared,
            StatementBinder binder,
            TableSettings table,
            DeliverySettings delivery,
            WriterInitContext context) {
        MicroClock clock = new MicroClock(Clock.systemUTC());
        MailboxExecutor mailbox = context.getMailboxExecutor();
        this.shared = shared;
        this.timers = context.getProcessingTimeService();
        this.partitionColumns = binder.shape().partitionColumns();
        this.replicas = new Replicas(shared.cql(), table.keyspace(), table.positions(binder.shape().partition()));
        this.bufferBytes = delivery.bufferBytes();
        this.flushIntervalMillis = delivery.flushInterval().toMillis();
        this.reader = new RowReader(table, binder.shape(), binder.encoders(), clock);
        this.takesRetractions = table.isUpsert();
        this.sender = new RequestSender(
                shared, binder, table.qualifiedName(), delivery, clock, metrics, () -> wake(mailbox));
        metrics.register(context.metricGroup(), sender::inFlight, buffer::size);
    }

    /** Connects, checks the table and prepares; waits for Cassandra as long as the retry timeout allows. */
    static CassandraWriter open(
            ConnectionSettings connection, DeliverySettings delivery, TableSettings table, WriterInitContext context)
            throws InterruptedException {
        Patience patience = new Patience(delivery.retryTimeout());
        SharedSession shared = SharedSession.acquire(connection, patience);
        try {
            StatementBinder binder = StatementBinder.open(shared.cql(), table, patience);
            return new CassandraWriter(shared, binder, table, delivery, context);
        } catch (InterruptedException | RuntimeException e) {
            shared.close();
            throw e;
        }
    }

    @Override
    public void write(RowData row, Context context) throws InterruptedException {
        sender.throwIfFailed();
        if (!takesRetractions && RowReader.isRetraction(row.getRowKind())) {
            return;
        }
        reader.read(row, this::add);
        if (buffer.memory() >= bufferBytes) {
            sendBuffer();
        } else {
            setTimer();
        }
    }

    @Override
    public void flush(boolean endOfInput) throws InterruptedException {
        sendBuffer();
        sender.awaitAll();
    }

    @Override
    public void close() {
        closed = true;
        sender.close();
        shared.close();
    }

    private void add(PendingWrite write) {
        if (buffer.add(write)) {
            metrics.superseded.inc();
        }
    }

    private void sendBuffer() throws InterruptedException {
        for (List<PendingWrite> batch : Batches.of(buffer.drain(partitionColumns), replicas::of)) {
            sender.send(batch);
        }
    }

    private void setTimer() {
        if (!timerIsSet) {
            timerIsSet = true;
            timers.registerTimer(timers.getCurrentProcessingTime() + flushIntervalMillis, time -> onTimer());
        }
    }

    private void onTimer() throws InterruptedException {
        timerIsSet = false;
        if (!closed) {
            sendBuffer();
        }
    }

    /** Brings a failure to the task even when no row comes. */
    private void wake(MailboxExecutor mailbox) {
        try {
            mailbox.execute(sender::throwIfFailed, "Cassandra sink failed");
        } catch (RejectedExecutionException e) {
            // The task has ended; nobody is left to hear of the failure.
        }
    }
}
