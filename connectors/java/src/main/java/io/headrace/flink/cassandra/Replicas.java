package io.headrace.flink.cassandra;

import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.metadata.TokenMap;
import com.datastax.oss.driver.api.core.metadata.token.Token;
import java.nio.ByteBuffer;
import java.util.Set;

/** Which nodes keep the partitions of a table, as the driver knows the ring at the moment. */
final class Replicas {

    private final CqlSession session;
    private final CqlIdentifier keyspace;
    private final int[] partition;

    /**
     * The nodes of a table.
     *
     * @param partition where the columns of the partition key are among a row's values, in their order
     */
    Replicas(CqlSession session, String keyspace, int[] partition) {
        this.session = session;
        this.keyspace = CqlIdentifier.fromInternal(keyspace);
        this.partition = partition;
    }

    /** The nodes of a row's partition; empty when the driver does not know them. */
    Set<Node> of(PendingWrite write) {
        return session.getMetadata()
                .getTokenMap()
                .map(ring -> ring.getReplicas(keyspace, token(ring, write)))
                .orElse(Set.of());
    }

    /** Where a row's partition lies on a ring. */
    Token token(TokenMap ring, PendingWrite write) {
        ByteBuffer[] key = new ByteBuffer[partition.length];
        for (int i = 0; i < key.length; i++) {
            key[i] = write.values()[partition[i]].duplicate();
        }
        return ring.newToken(key);
    }
}
