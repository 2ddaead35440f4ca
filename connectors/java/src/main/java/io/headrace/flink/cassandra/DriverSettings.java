package io.headrace.flink.cassandra;

import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import io.headrace.flink.secrets.Secret;
import java.util.LinkedHashMap;
import java.util.Map;

/** The driver's configuration: our defaults, then what the user passes through, secrets read. */
final class DriverSettings {

    private static final String ROOT = "datastax-java-driver.";

    /** A write of a few KB answers in milliseconds; ten seconds is a node in trouble, and the retry is ours. */
    private static final String REQUEST_TIMEOUT = "10 seconds";

    /** The driver's first answer to a new session takes longer on a node that has just started. */
    private static final String CONNECT_TIMEOUT = "10 seconds";

    /** The driver waits up to a minute between attempts to reconnect: that would be a minute of lag after a restart. */
    private static final String RECONNECT_MAX_DELAY = "3 seconds";

    /** Many subtasks share a connection: the driver's 1,024 streams would turn into busy errors at five of them. */
    private static final String STREAMS_PER_CONNECTION = "8192";

    /**
     * Measured with one node and one subtask: one thread costs a fifth less client CPU than the driver's two per core.
     * It carries some 50,000 requests a second; raise driver.advanced.netty.io-group.size above that.
     */
    private static final String IO_THREADS = "1";

    /** Two silent seconds at each close would slow every attempt to connect; a closed session sends nothing. */
    private static final String SHUTDOWN_QUIET_PERIOD = "0";

    private DriverSettings() {}

    static DriverConfigLoader loader(ConnectionSettings connection) {
        return DriverConfigLoader.fromString(text(connection));
    }

    static String text(ConnectionSettings connection) {
        Map<String, String> settings = defaults(connection);
        settings.putAll(Secret.resolved(connection.driver()));
        StringBuilder text = new StringBuilder();
        settings.forEach((path, value) ->
                text.append(ROOT).append(path).append(" = ").append(literal(value)).append('\n'));
        return text.toString();
    }

    private static Map<String, String> defaults(ConnectionSettings connection) {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("basic.request.consistency", connection.consistency());
        settings.put("basic.request.timeout", REQUEST_TIMEOUT);
        settings.put("basic.request.default-idempotence", "true");
        settings.put("basic.load-balancing-policy.local-datacenter", connection.localDatacenter());
        settings.put("advanced.connection.connect-timeout", CONNECT_TIMEOUT);
        settings.put("advanced.connection.init-query-timeout", CONNECT_TIMEOUT);
        settings.put("advanced.connection.max-requests-per-connection", STREAMS_PER_CONNECTION);
        settings.put("advanced.reconnection-policy.max-delay", RECONNECT_MAX_DELAY);
        settings.put("advanced.netty.io-group.size", IO_THREADS);
        settings.put("advanced.netty.io-group.shutdown.quiet-period", SHUTDOWN_QUIET_PERIOD);
        settings.put("advanced.netty.admin-group.shutdown.quiet-period", SHUTDOWN_QUIET_PERIOD);
        settings.put("advanced.metadata.schema.refreshed-keyspaces", "[" + quoted(connection.keyspace()) + "]");
        return settings;
    }

    /** Lists and objects stay as they are written; the configuration library converts strings to what it needs. */
    private static String literal(String value) {
        boolean structured = value.startsWith("[") || value.startsWith("{");
        return structured ? value : quoted(value);
    }

    private static String quoted(String value) {
        return '"' + value.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
