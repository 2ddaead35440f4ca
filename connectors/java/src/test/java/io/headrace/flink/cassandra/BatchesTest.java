package io.headrace.flink.cassandra;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class BatchesTest {

    @Test
    void boundsTheRows() {
        assertThat(Batches.of(rows(Batches.MAX_ROWS * 2 + 1, 1))).extracting(List::size)
                .containsExactly(Batches.MAX_ROWS, Batches.MAX_ROWS, 1);
    }

    @Test
    void boundsTheBytes() {
        assertThat(Batches.of(rows(5, (int) (Batches.MAX_BYTES / 2)))).extracting(List::size)
                .containsExactly(2, 2, 1);
    }

    @Test
    void sendsARowThatIsTooLargeByItself() {
        assertThat(Batches.of(rows(2, (int) Batches.MAX_BYTES + 1))).extracting(List::size).containsExactly(1, 1);
    }

    private static List<PendingWrite> rows(int count, int bytes) {
        ByteBuffer[] values = {ByteBuffer.allocate(bytes)};
        return Collections.nCopies(count, new PendingWrite(null, values, 0, PendingWrite.NEVER, PendingWrite.Kind.ROW));
    }
}
