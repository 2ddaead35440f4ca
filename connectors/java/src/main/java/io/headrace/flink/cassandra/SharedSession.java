package io.headrace.flink.cassandra;

import com.datastax.oss.driver.api.core.CqlSession;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One driver session per task manager and connection settings, closed when the last writer has left.
 *
 * <p>It also owns the thread on which retries wait.
 */
final class SharedSession implements AutoCloseable {

    private static final Map<ConnectionSettings, Holder> HOLDERS = new HashMap<>();

    private final Holder holder;
    private boolean closed;

    private SharedSession(Holder holder) {
        this.holder = holder;
    }

    /** Connects, or joins the session that is there; waits while another writer is connecting. */
    static SharedSession acquire(ConnectionSettings settings, Patience patience) throws InterruptedException {
        Holder holder = join(settings);
        try {
            holder.connect(patience);
            return new SharedSession(holder);
        } catch (InterruptedException | RuntimeException e) {
            leave(holder);
            throw e;
        }
    }

    CqlSession cql() {
        return holder.session;
    }

    ScheduledExecutorService timer() {
        return holder.timer;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            leave(holder);
        }
    }

    /** How many sessions are open in this JVM, for tests. */
    static int openSessions() {
        synchronized (HOLDERS) {
            return HOLDERS.size();
        }
    }

    private static Holder join(ConnectionSettings settings) {
        synchronized (HOLDERS) {
            Holder holder = HOLDERS.computeIfAbsent(settings, Holder::new);
            holder.users++;
            return holder;
        }
    }

    private static void leave(Holder holder) {
        synchronized (HOLDERS) {
            holder.users--;
            if (holder.users > 0) {
                return;
            }
            HOLDERS.remove(holder.settings);
        }
        holder.shutDown();
    }

    private static final class Holder {
        private final ConnectionSettings settings;
        private final ReentrantLock connecting = new ReentrantLock();
        private int users;
        private volatile CqlSession session;
        private volatile ScheduledExecutorService timer;

        private Holder(ConnectionSettings settings) {
            this.settings = settings;
        }

        private void connect(Patience patience) throws InterruptedException {
            connecting.lockInterruptibly();
            try {
                if (session == null) {
                    session = SessionConnector.connect(settings, patience);
                    timer = Executors.newSingleThreadScheduledExecutor(Holder::thread);
                }
            } finally {
                connecting.unlock();
            }
        }

        private static Thread thread(Runnable work) {
            Thread thread = new Thread(work, "headrace-cassandra-retries");
            thread.setDaemon(true);
            return thread;
        }

        private void shutDown() {
            if (session != null) {
                timer.shutdownNow();
                session.closeAsync();
            }
        }
    }
}
