package io.headrace.flink.cassandra;

import java.io.Serializable;
import java.util.List;
import java.util.TreeMap;

/**
 * What one connection to a cluster depends on; equal settings share one session in a task manager. User, password and
 * driver settings may be references to secrets.
 *
 * @param contactPoints {@code host:port}, the port always present
 * @param driver settings of the driver by path, without the root {@code datastax-java-driver}
 */
record ConnectionSettings(
        List<String> contactPoints,
        String localDatacenter,
        String keyspace,
        String username,
        String password,
        String consistency,
        TreeMap<String, String> driver)
        implements Serializable {

    /** Names the place only: user, password and the values of driver options may be secrets. */
    @Override
    public String toString() {
        return "cassandra://" + String.join(",", contactPoints) + " (datacenter " + localDatacenter
                + ", keyspace " + keyspace + ")";
    }
}
