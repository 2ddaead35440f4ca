package io.headrace.flink.cassandra;

/** The sink cannot go on; the message says what is wrong, where, what was expected and found, and what to do. */
public final class CassandraSinkException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    CassandraSinkException(String message) {
        super(message);
    }

    CassandraSinkException(String message, Throwable cause) {
        super(message, cause);
    }

    /** A difference between the declared table and the table in Cassandra. */
    static CassandraSinkException mismatch(String table, String where, String expected, String found, String remedy) {
        return new CassandraSinkException("Cassandra table " + table + " does not fit the sink: " + where
                + ": expected " + expected + ", found " + found + ". " + remedy);
    }
}
