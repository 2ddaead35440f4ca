package io.headrace.flink.cassandra;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.Row;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.TreeMap;

/** The running Cassandra that the integration tests write to, and a keyspace of their own in it. */
final class TestCluster implements AutoCloseable {

    static final String KEYSPACE = "headrace_sink_it";
    static final String DATACENTER = "datacenter1";

    private static final String ADDRESS = "HEADRACE_CASSANDRA";
    private static final String NO_ADDRESS = "The integration tests need a running Cassandra: expected host:port in the"
            + " environment variable or system property " + ADDRESS + ", found nothing. Start one (headrace stack up)"
            + " and run HEADRACE_CASSANDRA=127.0.0.1:9042 mvn -pl connectors/java verify, or leave these tests out"
            + " with -DskipITs.";

    private final String address;
    private final CqlSession session;

    TestCluster() {
        this.address = address();
        this.session = CqlSession.builder()
                .addContactPoint(new InetSocketAddress(ContactPoints.host(address), ContactPoints.port(address)))
                .withLocalDatacenter(DATACENTER)
                .withConfigLoader(DriverSettings.loader(connection()))
                .build();
        cql("CREATE KEYSPACE IF NOT EXISTS " + KEYSPACE
                + " WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    }

    private static String address() {
        String found = System.getProperty(ADDRESS, System.getenv(ADDRESS));
        if (found == null || found.isBlank()) {
            throw new IllegalStateException(NO_ADDRESS);
        }
        return ContactPoints.parse(found).get(0);
    }

    String contactPoint() {
        return address;
    }

    CqlSession session() {
        return session;
    }

    /** Runs a statement; {@code %s} stands for the keyspace. */
    List<Row> cql(String text) {
        return session.execute(text.replace("%s", KEYSPACE)).all();
    }

    /** Creates a table anew and answers its name. */
    String table(String name, String columns) {
        cql("DROP TABLE IF EXISTS %s." + name);
        cql("CREATE TABLE %s." + name + " (" + columns + ")");
        return name;
    }

    ConnectionSettings connection() {
        return connection(address);
    }

    ConnectionSettings connection(String contactPoint) {
        TreeMap<String, String> driver = new TreeMap<>();
        driver.put("basic.request.timeout", "5 seconds");
        return new ConnectionSettings(
                List.of(contactPoint), DATACENTER, KEYSPACE, null, null, "LOCAL_ONE", driver);
    }

    @Override
    public void close() {
        session.close();
    }
}
