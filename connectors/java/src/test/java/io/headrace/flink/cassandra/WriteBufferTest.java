package io.headrace.flink.cassandra;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

class WriteBufferTest {

    private final WriteBuffer buffer = new WriteBuffer();

    @Test
    void keepsTheGreatestWriteTimeWhateverTheOrder() {
        assertThat(buffer.add(row("k", 2, "two"))).isFalse();
        assertThat(buffer.add(row("k", 1, "one"))).isTrue();
        assertThat(buffer.add(row("k", 3, "three"))).isTrue();
        assertThat(drained()).extracting(PendingWrite::writeTime).containsExactly(3L);
    }

    @Test
    void keepsAnOlderRowThatSetsAColumnTheNewerLeavesUnset() {
        buffer.add(row("k", 1, "one", "x"));
        assertThat(buffer.add(row("k", 2, "two", null))).isFalse();
        assertThat(drained()).extracting(PendingWrite::writeTime).containsExactlyInAnyOrder(1L, 2L);
    }

    @Test
    void keepsBothOfATieUnlessTheyAreTheSame() {
        buffer.add(row("k", 1, "one"));
        assertThat(buffer.add(row("k", 1, "one"))).isTrue();
        assertThat(buffer.add(row("k", 1, "uno"))).isFalse();
        assertThat(buffer.size()).isEqualTo(2);
    }

    @Test
    void aDeleteHidesOlderRowsButIsNotHiddenByANewerRow() {
        buffer.add(row("k", 1, "one"));
        assertThat(buffer.add(delete("k", 2))).isTrue();
        assertThat(buffer.add(row("k", 3, "three"))).isFalse();
        assertThat(drained()).extracting(PendingWrite::isDelete).containsExactlyInAnyOrder(true, false);
    }

    @Test
    void drainsByPartitionAndIsEmptyAfterwards() {
        buffer.add(row("k", 1, "one"));
        buffer.add(row("l", 1, "one"));
        assertThat(buffer.drain(1)).hasSize(2);
        assertThat(buffer.size()).isZero();
    }

    @Test
    void countsTheMemoryOfTheRowsThatItHolds() {
        buffer.add(row("k", 2, "two"));
        long one = buffer.memory();
        assertThat(one).as("objects too, not content alone").isGreaterThan(300);
        buffer.add(row("k", 1, "uno"));
        assertThat(buffer.memory()).as("a superfluous row takes none").isEqualTo(one);
        buffer.add(row("l", 1, "a".repeat(1_000)));
        assertThat(buffer.memory()).isBetween(2 * one + 900, 2 * one + 1_000);
        buffer.drain(1);
        assertThat(buffer.memory()).isZero();
    }

    private List<PendingWrite> drained() {
        List<List<PendingWrite>> partitions = buffer.drain(1);
        assertThat(partitions).hasSize(1);
        return partitions.get(0);
    }

    private static PendingWrite delete(String key, long writeTime) {
        PendingWrite row = row(key, writeTime);
        return new PendingWrite(row.key(), row.values(), writeTime, PendingWrite.NEVER, PendingWrite.Kind.DELETE);
    }

    private static PendingWrite row(String key, long writeTime, String... values) {
        ByteBuffer[] bytes = new ByteBuffer[values.length + 1];
        bytes[0] = ByteBuffer.wrap(key.getBytes());
        for (int i = 0; i < values.length; i++) {
            bytes[i + 1] = values[i] == null ? null : ByteBuffer.wrap(values[i].getBytes());
        }
        return new PendingWrite(KeyBytes.of(bytes, new int[] {0}), bytes, writeTime, PendingWrite.NEVER, PendingWrite.Kind.ROW);
    }
}
