package io.headrace.flink.learning;

import java.io.IOException;
import java.util.concurrent.ScheduledFuture;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.Row;

/**
 * Gathers rows into micro-batches, each a record {@code (key, Arrow stream)}: when there are so many rows, or when the
 * first of them has waited so long (processing time), or when the input ends. After the last one of an input that ends
 * comes a stream without rows.
 *
 * <p>Rows that are still gathered are state, at most one micro-batch of them: each row is in exactly one micro-batch,
 * whatever fails. The wait begins anew after a failure. One task gathers for one learner.
 */
final class MicroBatchOperator extends AbstractStreamOperator<Row>
        implements OneInputStreamOperator<RowData, Row>, BoundedOneInput {

    private static final long serialVersionUID = 1L;

    private final String key;
    private final RowType type;
    private final int rows;
    private final long waitMs;

    private transient ArrowRows gathered;
    private transient ListState<byte[]> kept;
    private transient ScheduledFuture<?> alarm;
    /** How many alarms were set: the number of the newest. */
    private transient long alarms;

    MicroBatchOperator(String key, RowType type, int rows, long waitMs) {
        this.key = key;
        this.type = type;
        this.rows = rows;
        this.waitMs = waitMs;
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        super.initializeState(context);
        kept = context.getOperatorStateStore()
                .getListState(new ListStateDescriptor<>(
                        "gathered", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
        gathered = new ArrowRows(type);
        for (byte[] stream : kept.get()) {
            gathered.addAll(stream);
        }
    }

    @Override
    public void open() throws Exception {
        super.open();
        if (gathered.size() > 0) {
            setAlarm();
        }
    }

    @Override
    public void processElement(StreamRecord<RowData> element) throws IOException {
        gathered.add(element.getValue());
        if (gathered.size() >= rows) {
            give();
        } else if (alarm == null) {
            setAlarm();
        }
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        kept.clear();
        if (gathered.size() > 0) {
            kept.add(gathered.stream());
        }
    }

    @Override
    public void endInput() throws IOException {
        if (gathered.size() > 0) {
            give();
        }
        give();
    }

    @Override
    public void close() throws Exception {
        if (gathered != null) {
            gathered.close();
        }
        super.close();
    }

    private void setAlarm() {
        long at = getProcessingTimeService().getCurrentProcessingTime() + waitMs;
        long number = ++alarms;
        alarm = getProcessingTimeService().registerTimer(at, time -> ring(number));
    }

    /** An alarm that was cancelled too late still rings, when its rows have been given; a stream without rows is the end. */
    void ring(long number) throws IOException {
        if (alarm != null && number == alarms) {
            give();
        }
    }

    private void give() throws IOException {
        if (alarm != null) {
            alarm.cancel(false);
            alarm = null;
        }
        output.collect(new StreamRecord<>(Row.of(key, gathered.stream())));
        gathered.clear();
    }
}
