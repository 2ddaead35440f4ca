package io.headrace.flink.cassandra;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.CqlSessionBuilder;
import com.datastax.oss.driver.api.core.metadata.Node;
import io.headrace.flink.secrets.Secret;
import java.net.InetSocketAddress;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Opens a driver session and checks that it can reach the datacenter it was told to use. */
final class SessionConnector {

    private SessionConnector() {}

    static CqlSession connect(ConnectionSettings settings, Patience patience) throws InterruptedException {
        CqlSession session = patience.call("connect to " + settings, () -> open(settings));
        checkDatacenter(session, settings);
        return session;
    }

    private static CqlSession open(ConnectionSettings settings) {
        // The driver looks for its implementation classes beside itself, whatever class loader the task runs in.
        CqlSessionBuilder builder = CqlSession.builder()
                .withClassLoader(CqlSession.class.getClassLoader())
                .withConfigLoader(DriverSettings.loader(settings));
        for (String point : settings.contactPoints()) {
            builder.addContactPoint(new InetSocketAddress(ContactPoints.host(point), ContactPoints.port(point)));
        }
        if (settings.username() != null) {
            builder.withAuthCredentials(
                    Secret.resolve("username", settings.username()),
                    Secret.resolve("password", settings.password()));
        }
        return builder.build();
    }

    private static void checkDatacenter(CqlSession session, ConnectionSettings settings) {
        Set<String> found = session.getMetadata().getNodes().values().stream()
                .map(Node::getDatacenter)
                .filter(name -> name != null)
                .collect(Collectors.toCollection(TreeSet::new));
        if (!found.isEmpty() && !found.contains(settings.localDatacenter())) {
            session.closeAsync();
            throw new CassandraSinkException("Cannot write to " + settings + ": no node is in the local datacenter:"
                    + " expected '" + settings.localDatacenter() + "', found " + found
                    + ". Set 'local-datacenter' to one of these.");
        }
    }
}
