package io.headrace.flink.cassandra;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class BatchesTest {

    private static final Set<String> NODES = Set.of("a", "b");

    @Test
    void boundsTheRows() {
        assertThat(cut(rows(Batches.MAX_ROWS * 2 + 1, 1))).extracting(List::size)
                .containsExactly(Batches.MAX_ROWS, Batches.MAX_ROWS, 1);
    }

    @Test
    void boundsTheBytes() {
        assertThat(cut(rows(5, (int) (Batches.MAX_BYTES / 2)))).extracting(List::size).containsExactly(2, 2, 1);
    }

    @Test
    void sendsARowThatIsTooLargeByItself() {
        assertThat(cut(rows(2, (int) Batches.MAX_BYTES + 1))).extracting(List::size).containsExactly(1, 1);
    }

    @Test
    void putsPartitionsOfTheSameNodesTogetherUpToTen() {
        assertThat(Batches.of(partitions(2 * Batches.MAX_PARTITIONS + 1, 2), write -> NODES)).extracting(List::size)
                .containsExactly(2 * Batches.MAX_PARTITIONS, 2 * Batches.MAX_PARTITIONS, 2);
    }

    @Test
    void cutsNoPartitionThatFitsIntoARequest() {
        assertThat(Batches.of(partitions(3, Batches.MAX_ROWS / 2), write -> NODES)).extracting(List::size)
                .containsExactly(Batches.MAX_ROWS, Batches.MAX_ROWS / 2);
        assertThat(Batches.of(partitions(2, Batches.MAX_ROWS / 2 + 1), write -> NODES)).extracting(List::size)
                .containsExactly(Batches.MAX_ROWS / 2 + 1, Batches.MAX_ROWS / 2 + 1);
    }

    @Test
    void boundsTheBytesOfSeveralPartitionsByWhatANodeTakesWithoutAWarning() {
        int bytes = (int) (Batches.MAX_SHARED_BYTES * 2 / 5);
        List<PendingWrite> first = rows(1, bytes);
        assertThat(Batches.of(List.of(first, rows(1, bytes), rows(1, bytes)), write -> NODES))
                .extracting(List::size).containsExactly(2, 1);
        assertThat(first.get(0).countedSize()).as("more than its bytes").isGreaterThan(bytes);
        assertThat(Batches.of(List.of(first, rows(20, bytes), first), write -> NODES))
                .as("a partition by itself may be larger").extracting(List::size).containsExactly(1, 20, 1);
    }

    @Test
    void sharesNoRequestWithAPartitionThatIsCut() {
        List<List<PendingWrite>> partitions = new ArrayList<>(partitions(Batches.MAX_PARTITIONS, 1));
        partitions.add(1, rows(Batches.MAX_ROWS + 1, 1));
        assertThat(Batches.of(partitions, write -> NODES)).extracting(List::size)
                .containsExactly(Batches.MAX_ROWS, 1, Batches.MAX_PARTITIONS);
    }

    @Test
    void keepsPartitionsOfOtherNodesApart() {
        List<List<PendingWrite>> batches = Batches.of(partitions(4, 1), write -> Set.of(write.writeTime() % 2));
        assertThat(batches).hasSize(2).allSatisfy(batch -> assertThat(batch)
                .extracting(write -> write.writeTime() % 2).hasSize(2).containsOnly(batch.get(0).writeTime() % 2));
    }

    @Test
    void keepsPartitionsApartWhenTheirNodesAreNotKnown() {
        assertThat(Batches.of(partitions(3, 2), write -> Set.of())).extracting(List::size).containsExactly(2, 2, 2);
    }

    private static List<List<PendingWrite>> cut(List<PendingWrite> partition) {
        return Batches.of(List.of(partition), write -> NODES);
    }

    /** Partitions of equal rows; the write time tells which. */
    private static List<List<PendingWrite>> partitions(int count, int rows) {
        List<List<PendingWrite>> partitions = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            partitions.add(Collections.nCopies(rows, row(1, i)));
        }
        return partitions;
    }

    private static List<PendingWrite> rows(int count, int bytes) {
        return Collections.nCopies(count, row(bytes, 0));
    }

    private static PendingWrite row(int bytes, long writeTime) {
        ByteBuffer[] values = {ByteBuffer.allocate(bytes)};
        return new PendingWrite(null, values, writeTime, PendingWrite.NEVER, PendingWrite.Kind.ROW);
    }
}
