package io.headrace.flink.append;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.LongStream;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.InternalSerializers;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.RowType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class NewestOfKeyTest {

    private static final RowType TYPE = RowType.of(new BigIntType(), new BigIntType());

    private OneInputStreamOperatorTestHarness<RowData, RowData> operator;

    @BeforeEach
    void open() throws Exception {
        RowData.FieldGetter[] key = {RowData.createFieldGetter(new BigIntType(), 0)};
        operator = new OneInputStreamOperatorTestHarness<>(new NewestOfKey(InternalSerializers.create(TYPE), key));
        operator.open();
    }

    @AfterEach
    void close() throws Exception {
        operator.close();
    }

    private List<String> given() {
        return operator.extractOutputValues().stream().map(row -> row.getLong(0) + ":" + row.getLong(1)).toList();
    }

    @Test
    void nothingIsWrittenBeforeACheckpointAndThenTheNewestOfEachKey() throws Exception {
        GenericRowData reused = new GenericRowData(2);
        for (long number : new long[] {10, 20, 11, 12, 21}) {
            reused.setField(0, number / 10);
            reused.setField(1, number);
            operator.processElement(reused, 0);
        }
        assertThat(given()).isEmpty();
        operator.prepareSnapshotPreBarrier(1);
        assertThat(given()).containsExactly("1:12", "2:21");
        operator.prepareSnapshotPreBarrier(2);
        assertThat(given()).hasSize(2);
    }

    @Test
    void itHoldsNoMoreThanSoManyKeys() throws Exception {
        for (long key : LongStream.range(0, NewestOfKey.MOST).toArray()) {
            operator.processElement(GenericRowData.of(key, key), 0);
        }
        assertThat(given()).hasSize(NewestOfKey.MOST);
    }
}
