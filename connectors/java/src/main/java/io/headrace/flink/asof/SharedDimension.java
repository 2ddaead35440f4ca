package io.headrace.flink.asof;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/**
 * One copy of a dimension for all tasks of a task manager that ask the same, let go when the last of them has left.
 *
 * <p>A snapshot never changes, so whoever comes later may share what another has read.
 */
final class SharedDimension implements AutoCloseable {

    /** How a dimension is read. */
    @FunctionalInterface
    interface Read {
        Dimension of(AsOfQuestion question) throws IOException;
    }

    private static final Map<String, Holder> HOLDERS = new HashMap<>();

    private final Holder holder;
    private boolean closed;

    private SharedDimension(Holder holder) {
        this.holder = holder;
    }

    /** Reads the dimension, or joins the copy that is there; waits while another task is reading it. */
    static SharedDimension acquire(String question, Read read) throws IOException {
        Holder holder = join(question);
        try {
            holder.read(read);
            return new SharedDimension(holder);
        } catch (IOException | RuntimeException e) {
            leave(holder);
            throw e;
        }
    }

    Dimension dimension() {
        return holder.dimension;
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
        private int users;
        private volatile Dimension dimension;

        private Holder(String question) {
            this.question = question;
        }

        private synchronized void read(Read read) throws IOException {
            if (dimension == null) {
                dimension = read.of(AsOfQuestion.parse(question));
            }
        }
    }
}
