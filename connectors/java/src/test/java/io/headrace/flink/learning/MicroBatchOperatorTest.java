package io.headrace.flink.learning;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.api.python.shaded.org.apache.arrow.vector.BigIntVector;
import org.apache.flink.api.python.shaded.org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.runtime.arrow.ArrowUtils;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Rows {@code (i, "row i")}, three a micro-batch or whatever there is after 100 ms. */
class MicroBatchOperatorTest {

    private static final int ROWS = 3;
    private static final long WAIT_MS = 100;
    private static final RowType TYPE = (RowType) DataTypes.ROW(
                    DataTypes.FIELD("i", DataTypes.BIGINT()), DataTypes.FIELD("text", DataTypes.STRING()))
            .getLogicalType();

    private OneInputStreamOperatorTestHarness<RowData, Row> task;

    @BeforeEach
    void begin() throws Exception {
        task = task();
        task.open();
    }

    @AfterEach
    void end() throws Exception {
        task.close();
    }

    private static OneInputStreamOperatorTestHarness<RowData, Row> task() throws Exception {
        var found = new OneInputStreamOperatorTestHarness<RowData, Row>(
                new MicroBatchOperator("learner", TYPE, ROWS, WAIT_MS));
        found.setup(new RowTypeInfo(Types.STRING, PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO)
                .createSerializer(found.getExecutionConfig().getSerializerConfig()));
        return found;
    }

    /** All rows in one object, as a source with object reuse gives them. */
    private void give(long from, long to) throws Exception {
        GenericRowData row = new GenericRowData(2);
        for (long i = from; i < to; i++) {
            row.setField(0, i);
            row.setField(1, i % 2 == 0 ? null : StringData.fromString("row " + i));
            task.processElement(new StreamRecord<>(row));
        }
    }

    private void restart(OperatorSubtaskState state) throws Exception {
        task.close();
        task = task();
        task.initializeState(state);
        task.open();
    }

    private List<List<Long>> given() throws Exception {
        List<List<Long>> batches = new ArrayList<>();
        for (Row row : task.extractOutputValues()) {
            assertThat(row.getField(0)).isEqualTo("learner");
            batches.add(numbers((byte[]) row.getField(1)));
        }
        return batches;
    }

    private static List<Long> numbers(byte[] stream) throws Exception {
        List<Long> found = new ArrayList<>();
        try (var reader = new ArrowStreamReader(new java.io.ByteArrayInputStream(stream), ArrowUtils.getRootAllocator())) {
            while (reader.loadNextBatch()) {
                var root = reader.getVectorSchemaRoot();
                for (int row = 0; row < root.getRowCount(); row++) {
                    long i = ((BigIntVector) root.getVector("i")).get(row);
                    Object text = root.getVector("text").getObject(row);
                    assertThat(text == null ? null : text.toString()).isEqualTo(i % 2 == 0 ? null : "row " + i);
                    found.add(i);
                }
            }
        }
        return found;
    }

    private static List<Long> numbers(long from, long to) {
        return LongStream.range(from, to).boxed().toList();
    }

    @Test
    void aFullMicroBatchIsGivenAtOnceAndTheRestAtTheEndBeforeAnEmptyOne() throws Exception {
        give(0, 7);
        assertThat(given()).containsExactly(numbers(0, 3), numbers(3, 6));
        task.endInput();
        assertThat(given()).containsExactly(numbers(0, 3), numbers(3, 6), numbers(6, 7), List.of());
    }

    @Test
    void anInputThatEndsWithAFullMicroBatchAddsOnlyTheEmptyOne() throws Exception {
        give(0, 3);
        task.endInput();
        assertThat(given()).containsExactly(numbers(0, 3), List.of());
    }

    @Test
    void rowsWaitNoLongerThanTheyMayFromTheFirstOfThem() throws Exception {
        task.setProcessingTime(1_000);
        give(0, 1);
        task.setProcessingTime(1_000 + WAIT_MS - 1);
        give(1, 2);
        assertThat(given()).isEmpty();
        task.setProcessingTime(1_000 + WAIT_MS);
        assertThat(given()).containsExactly(numbers(0, 2));
    }

    @Test
    void aFullMicroBatchEndsTheWaitOfItsRows() throws Exception {
        give(0, 4);
        task.setProcessingTime(WAIT_MS - 1);
        give(4, 6);
        give(6, 7);
        task.setProcessingTime(WAIT_MS);
        assertThat(given()).containsExactly(numbers(0, 3), numbers(3, 6));
        task.setProcessingTime(2 * WAIT_MS - 1);
        assertThat(given()).containsExactly(numbers(0, 3), numbers(3, 6), numbers(6, 7));
    }

    @Test
    void anAlarmThatRingsAfterItsRowsWereGivenGivesNothing() throws Exception {
        MicroBatchOperator operator = (MicroBatchOperator) task.getOperator();
        give(0, 3);
        operator.ring(1);
        assertThat(given()).containsExactly(numbers(0, 3));
        give(3, 4);
        operator.ring(1);
        assertThat(given()).containsExactly(numbers(0, 3));
        operator.ring(2);
        assertThat(given()).containsExactly(numbers(0, 3), numbers(3, 4));
    }

    @Test
    void rowsThatWereGatheredAtACheckpointAreGivenOnceAfterAFailure() throws Exception {
        give(0, 5);
        task.snapshot(1, 0);
        OperatorSubtaskState state = task.snapshot(2, 0);
        give(5, 8);
        restart(state);
        give(5, 7);
        assertThat(given()).containsExactly(numbers(3, 6));
        task.setProcessingTime(WAIT_MS);
        assertThat(given()).containsExactly(numbers(3, 6), numbers(6, 7));
    }

    @Test
    void rowsThatWereGatheredAtACheckpointDoNotWaitForTheNext() throws Exception {
        give(0, 2);
        restart(task.snapshot(1, 0));
        task.setProcessingTime(task.getProcessingTime() + WAIT_MS);
        assertThat(given()).containsExactly(numbers(0, 2));
    }

    @Test
    void whatWasGivenBeforeACheckpointIsNotInItsState() throws Exception {
        give(0, 3);
        restart(task.snapshot(1, 0));
        task.endInput();
        assertThat(given()).containsExactly(List.of());
    }
}
