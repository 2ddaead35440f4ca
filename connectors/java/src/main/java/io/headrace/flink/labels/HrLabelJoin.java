package io.headrace.flink.labels;

import java.util.stream.IntStream;
import org.apache.flink.table.api.dataview.MapView;
import org.apache.flink.table.catalog.DataTypeFactory;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.conversion.RowRowConverter;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ProcessTableFunction;
import org.apache.flink.table.functions.SpecializedFunction;
import org.apache.flink.table.functions.UserDefinedFunction;
import org.apache.flink.table.types.inference.CallContext;
import org.apache.flink.table.types.inference.TypeInference;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.utils.TypeConversions;
import org.apache.flink.types.Row;

/**
 * {@code HR_LABEL_JOIN(joined => TABLE t PARTITION BY (id, ...), durations => '...')}: logged rows with their labels.
 *
 * <p>A row is a label where {@code _is_label} is true, and else a logged row; {@code _us} is when it happened, {@code
 * _src_partition} and {@code _src_offset} are its place, and {@code _label} and {@code _label_time} are a label's. What is
 * told of one has the number of its {@link Outcome}, that of the fact, the label that is known of it and its time, and
 * the row's own columns.
 *
 * <p>An id is kept until the watermark has passed the last time at which a row of it may count; then it is forgotten.
 */
public final class HrLabelJoin extends ProcessTableFunction<RowData> implements SpecializedFunction {

    private static final String WAITED = "waited";
    private static final String FORGOTTEN = "forgotten";
    private static final int OWN = 4;

    private final String text;
    private final RowType columns;
    private final int[] carried;

    private transient Durations durations;
    private transient RowRowConverter converter;
    private transient RowData.FieldGetter[] getters;
    private transient Listener listener;
    private transient int isLabel;
    private transient int us;
    private transient int partition;
    private transient int offset;
    private transient RowData.FieldGetter label;
    private transient RowData.FieldGetter labelTime;

    public HrLabelJoin() {
        this(null, null, null);
    }

    private HrLabelJoin(String text, RowType columns, int[] carried) {
        this.text = text;
        this.columns = columns;
        this.carried = carried;
    }

    @Override
    public TypeInference getTypeInference(DataTypeFactory factory) {
        return LabelJoinTypes.inference();
    }

    /** With the types and the durations of one call, which a timer is not told. */
    @Override
    public UserDefinedFunction specialize(SpecializedContext context) {
        CallContext call = context.getCallContext();
        return new HrLabelJoin(
                LabelJoinTypes.durations(call), LabelJoinTypes.columns(call), LabelJoinTypes.carried(call));
    }

    @Override
    public void open(FunctionContext context) throws Exception {
        durations = Durations.parse(text);
        converter = RowRowConverter.create(TypeConversions.fromLogicalToDataType(columns));
        converter.open(getClass().getClassLoader());
        getters = IntStream.of(carried).mapToObj(this::getter).toArray(RowData.FieldGetter[]::new);
        isLabel = columns.getFieldIndex("_is_label");
        us = columns.getFieldIndex("_us");
        partition = columns.getFieldIndex("_src_partition");
        offset = columns.getFieldIndex("_src_offset");
        label = getter(columns.getFieldIndex(LabelJoinTypes.LABEL));
        labelTime = getter(columns.getFieldIndex(LabelJoinTypes.LABEL_TIME));
        listener = new Listener();
    }

    private RowData.FieldGetter getter(int column) {
        return RowData.createFieldGetter(columns.getTypeAt(column), column);
    }

    public void eval(Context context, MapView<Boolean, RowData> kept, Row told, Row row, String durationsText)
            throws Exception {
        JoinedId id = load(kept, told);
        Arrived added = arrived(converter.toInternal(row));
        long newest = id.newest;
        id.add(added);
        if (added == id.row || added == id.label) {
            kept.put(added.isLabel(), added.columns());
        }
        store(id, told);
        TimeContext<Long> time = context.timeContext(Long.class);
        if (added == id.row) {
            time.registerOnTime(WAITED, durations.waitedMs(added));
        }
        if (id.newest > newest) {
            time.registerOnTime(FORGOTTEN, durations.forgottenMs(id.newest));
        }
    }

    public void onTimer(OnTimerContext context, MapView<Boolean, RowData> kept, Row told) throws Exception {
        JoinedId id = load(kept, told);
        if (context.currentTimer().equals(FORGOTTEN)) {
            id.forget();
            context.clearAll();
        } else {
            id.waited();
            store(id, told);
        }
    }

    private JoinedId load(MapView<Boolean, RowData> kept, Row told) throws Exception {
        JoinedId id = new JoinedId(durations, listener);
        if (told.getField(0) != null) {
            id.row = arrived(kept.get(false));
            id.label = arrived(kept.get(true));
            id.newest = told.getFieldAs(0);
            id.facts = told.getFieldAs(1);
            id.rowTold = told.getFieldAs(2);
            id.labelTold = told.getFieldAs(3);
        }
        return id;
    }

    private static void store(JoinedId id, Row told) {
        told.setField(0, id.newest);
        told.setField(1, id.facts);
        told.setField(2, id.rowTold);
        told.setField(3, id.labelTold);
    }

    private Arrived arrived(RowData row) {
        return row == null
                ? null
                : new Arrived(row.getBoolean(isLabel), row.getLong(us), row.getInt(partition), row.getLong(offset), row);
    }

    /** Gives what it is told as rows. */
    private final class Listener implements JoinedId.Listener {

        @Override
        public void fact(Outcome outcome, int number, Arrived row, Arrived known) {
            give(outcome, number, row, known);
        }

        @Override
        public void letter(Outcome outcome, Arrived lost) {
            give(outcome, null, lost, null);
        }

        private void give(Outcome outcome, Integer number, Arrived row, Arrived known) {
            GenericRowData given = new GenericRowData(OWN + getters.length);
            given.setField(0, outcome.number);
            given.setField(1, number);
            given.setField(2, known == null ? null : label.getFieldOrNull(known.columns()));
            given.setField(3, known == null ? null : labelTime.getFieldOrNull(known.columns()));
            for (int column = 0; column < getters.length; column++) {
                given.setField(OWN + column, getters[column].getFieldOrNull(row.columns()));
            }
            collect(given);
        }
    }
}
