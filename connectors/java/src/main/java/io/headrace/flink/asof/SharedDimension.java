package io.headrace.flink.asof;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * One copy of a dimension for all tasks of a task manager that ask the same, let go when the last of them has left.
 *
 * <p>A snapshot never changes, so whoever comes later may share what another has read; a newer one takes its place for
 * all of them at once.
 */
final class SharedDimension implements AutoCloseable {

    /** How a dimension is read. */
    @FunctionalInterface
    interface Read {
        Dimension of(AsOfQuestion question) throws IOException;
    }

    /** How what is newer than a dimension is read; the same where nothing is. */
    @FunctionalInterface
    interface Renewal {
        Dimension of(AsOfQuestion question, Dimension held) throws IOException;
    }

    private static final long MOMENT_NS = TimeUnit.MILLISECONDS.toNanos(500);
    private static final Map<String, Holder> HOLDERS = new HashMap<>();

    private final Holder holder;
    private final Renewal renewal;
    private boolean closed;

    private SharedDimension(Holder holder, Renewal renewal) {
        this.holder = holder;
        this.renewal = renewal;
    }

    /** Reads the dimension, or joins the copy that is there; waits while another task is reading it. */
    static SharedDimension acquire(String question, Read read, Renewal renewal) throws IOException {
        Holder holder = join(question);
        try {
            holder.read(read);
            return new SharedDimension(holder, renewal);
        } catch (IOException | RuntimeException e) {
            leave(holder);
            throw e;
        }
    }

    Dimension dimension() {
        return holder.dimension;
    }

    /** Looks for what is newer, unless another task did so a moment ago. */
    void renew() throws IOException {
        holder.renew(renewal);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            leave(holder);
        }
    }

    /** How many dimensions are held in this JVM, for tests. */
    static int held() {
        synchronized (HOLDERS) {
            return HOLDERS.size();
        }
    }

    private static Holder join(String question) {
        synchronized (HOLDERS) {
            Holder holder = HOLDERS.computeIfAbsent(question, Holder::new);
            holder.users++;
            return holder;
        }
    }

    private static void leave(Holder holder) {
        synchronized (HOLDERS) {
            holder.users--;
            if (holder.users == 0) {
                HOLDERS.remove(holder.question);
            }
        }
    }

    private static final class Holder {
        private final String question;
        private final AsOfQuestion asked;
        private int users;
        private long lookedAt;
        private volatile Dimension dimension;

        private Holder(String question) {
            this.question = question;
            this.asked = AsOfQuestion.parse(question);
            this.lookedAt = System.nanoTime() - MOMENT_NS;
        }

        private synchronized void read(Read read) throws IOException {
            if (dimension == null) {
                dimension = read.of(asked);
            }
        }

        private synchronized void renew(Renewal renewal) throws IOException {
            if (System.nanoTime() - lookedAt >= MOMENT_NS) {
                dimension = renewal.of(asked, dimension);
                lookedAt = System.nanoTime();
            }
        }
    }
}
