package io.headrace.flink.cassandra;

import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.common.operators.ProcessingTimeService;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.groups.SinkWriterMetricGroup;
import org.apache.flink.table.data.RowData;
import org.apache.flink.util.function.ThrowingRunnable;

/** A writer outside of a job: the test plays the task's thread, its clock and its mailbox. */
final class WriterHarness implements AutoCloseable {

    final Map<String, Counter> counters = new HashMap<>();
    private final BlockingQueue<ThrowingRunnable<? extends Exception>> mails = new LinkedBlockingQueue<>();
    private final List<ProcessingTimeService.ProcessingTimeCallback> timers = new ArrayList<>();
    private final CassandraWriter writer;

    WriterHarness(ConnectionSettings connection, DeliverySettings delivery, TableSettings table) throws Exception {
        this.writer = CassandraWriter.open(connection, delivery, table, context());
    }

    static DeliverySettings delivery(Duration retryTimeout) {
        return new DeliverySettings(
                CassandraConnectorOptions.MAX_IN_FLIGHT.defaultValue(),
                CassandraConnectorOptions.BUFFER_MEMORY.defaultValue().getBytes(),
                CassandraConnectorOptions.FLUSH_INTERVAL.defaultValue(),
                retryTimeout);
    }

    WriterHarness write(RowData row) throws Exception {
        writer.write(row, null);
        return this;
    }

    WriterHarness flush() throws Exception {
        writer.flush(false);
        return this;
    }

    /** Lets the flush interval pass. */
    void fireTimers() throws Exception {
        List<ProcessingTimeService.ProcessingTimeCallback> due = List.copyOf(timers);
        timers.clear();
        for (ProcessingTimeService.ProcessingTimeCallback timer : due) {
            timer.onProcessingTime(0);
        }
    }

    long counter(String name) {
        return counters.get(name).getCount();
    }

    /** True when a counter reaches a value soon, and does not pass it. */
    boolean awaitCounter(String name, long value) throws InterruptedException {
        for (int i = 0; i < 500 && counter(name) < value; i++) {
            Thread.sleep(10);
        }
        return counter(name) == value;
    }

    /** True when a mail for the task's thread is there, or comes soon. */
    boolean awaitMail() throws InterruptedException {
        return mails.poll(5, TimeUnit.SECONDS) != null;
    }

    @Override
    public void close() {
        writer.close();
    }

    private WriterInitContext context() {
        return proxy(WriterInitContext.class, Map.of(
                "getMailboxExecutor", this::mailbox,
                "getProcessingTimeService", this::clock,
                "metricGroup", this::metrics));
    }

    private MailboxExecutor mailbox() {
        return new MailboxExecutor() {
            @Override
            public void execute(MailOptions options, ThrowingRunnable<? extends Exception> mail, String what,
                    Object... arguments) {
                mails.add(mail);
            }

            @Override
            public void yield() {}

            @Override
            public boolean tryYield() {
                return false;
            }

            @Override
            public boolean shouldInterrupt() {
                return false;
            }
        };
    }

    private ProcessingTimeService clock() {
        return new ProcessingTimeService() {
            @Override
            public long getCurrentProcessingTime() {
                return 0;
            }

            @Override
            public ScheduledFuture<?> registerTimer(long time, ProcessingTimeCallback callback) {
                timers.add(callback);
                return null;
            }
        };
    }

    private SinkWriterMetricGroup metrics() {
        return (SinkWriterMetricGroup) Proxy.newProxyInstance(
                getClass().getClassLoader(),
                new Class<?>[] {SinkWriterMetricGroup.class},
                (self, method, arguments) -> {
                    if (method.getName().equals("counter") && arguments.length == 2) {
                        counters.put((String) arguments[0], (Counter) arguments[1]);
                    }
                    return arguments.length == 2 ? arguments[1] : null;
                });
    }

    private static <T> T proxy(Class<T> type, Map<String, Callable<Object>> answers) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type},
                (self, method, arguments) -> answers.get(method.getName()).call()));
    }
}
