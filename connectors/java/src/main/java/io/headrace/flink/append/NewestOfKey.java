package io.headrace.flink.append;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;

/**
 * Passes the newest row of each key, and only before a checkpoint, at the end, or when it holds too many: what a sink
 * commits with the checkpoints can be seen no sooner. So it needs no state, and a query without mini-batches, whose
 * watermarks those would hold back, does not write a row for each that it reads.
 */
final class NewestOfKey extends AbstractStreamOperator<RowData>
        implements OneInputStreamOperator<RowData, RowData>, BoundedOneInput {

    private static final long serialVersionUID = 1L;

    /** Keys held at most: a few megabytes of rows. */
    static final int MOST = 10_000;

    private final TypeSerializer<RowData> serializer;
    private final RowData.FieldGetter[] key;
    private transient Map<RowData, RowData> newest;

    NewestOfKey(TypeSerializer<RowData> serializer, RowData.FieldGetter[] key) {
        this.serializer = serializer;
        this.key = key;
    }

    @Override
    public void open() throws Exception {
        super.open();
        newest = new LinkedHashMap<>();
    }

    /** The row belongs to the operator before this one, which may use it again. */
    @Override
    public void processElement(StreamRecord<RowData> element) {
        RowData row = serializer.copy(element.getValue());
        newest.put(keyOf(row), row);
        if (newest.size() >= MOST) {
            pass();
        }
    }

    private RowData keyOf(RowData row) {
        GenericRowData found = new GenericRowData(key.length);
        for (int place = 0; place < key.length; place++) {
            found.setField(place, key[place].getFieldOrNull(row));
        }
        return found;
    }

    private void pass() {
        newest.values().forEach(row -> output.collect(new StreamRecord<>(row)));
        newest.clear();
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpointId) {
        pass();
    }

    @Override
    public void endInput() {
        pass();
    }
}
