package io.headrace.flink.cassandra;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class PendingWriteTest {

    private static final long SECOND = 1_000_000;

    @Test
    void roundsTheRemainingSecondsUp() {
        assertThat(endingAt(10 * SECOND).secondsLeft(0)).isEqualTo(10);
        assertThat(endingAt(10 * SECOND).secondsLeft(1)).isEqualTo(10);
        assertThat(endingAt(10 * SECOND).secondsLeft(9 * SECOND + 1)).isEqualTo(1);
    }

    @Test
    void isExpiredFromItsEndOn() {
        assertThat(endingAt(SECOND).isExpired(SECOND - 1)).isFalse();
        assertThat(endingAt(SECOND).isExpired(SECOND)).isTrue();
        assertThat(endingAt(Long.MIN_VALUE).isExpired(SECOND)).isTrue();
        assertThat(endingAt(PendingWrite.NEVER).isExpired(SECOND)).isFalse();
    }

    @Test
    void differentKeysOfTheSameJoinedTextAreDifferent() {
        int[] both = {0, 1};
        KeyBytes one = KeyBytes.of(new ByteBuffer[] {bytes("ab"), bytes("c")}, both);
        KeyBytes other = KeyBytes.of(new ByteBuffer[] {bytes("a"), bytes("bc")}, both);
        assertThat(one).isNotEqualTo(other);
        assertThat(one.prefix(1)).isEqualTo(KeyBytes.of(new ByteBuffer[] {bytes("ab")}, new int[] {0}));
        assertThat(one.prefix(1)).hasSameHashCodeAs(KeyBytes.of(new ByteBuffer[] {bytes("ab")}, new int[] {0}));
    }

    private static PendingWrite endingAt(long expiresAt) {
        return new PendingWrite(null, new ByteBuffer[0], 0, expiresAt, PendingWrite.Kind.ROW);
    }

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes());
    }
}
