package io.headrace.flink.cassandra;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.table.api.ValidationException;

/** Reads {@code host:port,host:port}; an IPv6 address stands in brackets. */
final class ContactPoints {

    /** Cassandra's own default for CQL. */
    private static final int DEFAULT_PORT = 9042;

    private static final int MAX_PORT = 65_535;

    private ContactPoints() {}

    /** Each answer is {@code host:port} with the port always present. */
    static List<String> parse(String text) {
        List<String> points = new ArrayList<>();
        for (String part : text.split(",")) {
            if (!part.isBlank()) {
                points.add(normalise(part.trim(), text));
            }
        }
        if (points.isEmpty()) {
            throw malformed(text);
        }
        return List.copyOf(points);
    }

    static String host(String point) {
        String host = point.substring(0, point.lastIndexOf(':'));
        return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
    }

    static int port(String point) {
        return Integer.parseInt(point.substring(point.lastIndexOf(':') + 1));
    }

    private static String normalise(String point, String text) {
        int colon = point.lastIndexOf(':');
        boolean hasPort = colon > point.lastIndexOf(']');
        if (!hasPort) {
            return point + ":" + DEFAULT_PORT;
        }
        String port = point.substring(colon + 1);
        boolean valid = colon > 0 && port.matches("\\d{1,5}") && Integer.parseInt(port) <= MAX_PORT;
        if (!valid) {
            throw malformed(text);
        }
        return point;
    }

    private static ValidationException malformed(String text) {
        return new ValidationException(
                "Option 'contact-points' cannot be read: expected host:port,host:port, found '" + text + "'.");
    }
}
