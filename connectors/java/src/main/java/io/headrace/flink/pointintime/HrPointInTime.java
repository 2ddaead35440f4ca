package io.headrace.flink.pointintime;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.table.api.dataview.ListView;
import org.apache.flink.table.catalog.DataTypeFactory;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ProcessTableFunction;
import org.apache.flink.table.functions.SpecializedFunction;
import org.apache.flink.table.functions.UserDefinedFunction;
import org.apache.flink.table.data.conversion.RowRowConverter;
import org.apache.flink.table.types.inference.CallContext;
import org.apache.flink.table.types.inference.TypeInference;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.utils.TypeConversions;
import org.apache.flink.types.Row;

/**
 * {@code HR_POINT_IN_TIME(asked => TABLE t PARTITION BY (key, ...), question => '...', answer => 'ROW<...>')}: for each
 * row of a spine among the rows, what its entity's events said just before its time.
 *
 * <p>A row with a {@code _row} is asked at {@code _us}; one without is an event at {@code _us}. The question is that of
 * {@link Question}, as JSON; the answer has {@code _row}, {@code _seen_us}, and a cell for each window.
 *
 * <p>Rows are kept until the input ends, because any of them may come last; then those of one entity at a time are
 * sorted and answered in memory, and let go. Their number times log of it is the cost, however many windows overlap.
 */
public final class HrPointInTime extends ProcessTableFunction<RowData> implements SpecializedFunction {

    /** No watermark passes it but the one that ends the input. */
    private static final long END = Long.MAX_VALUE - 1;

    private final String question;
    private final RowType columns;

    private transient RowRowConverter converter;
    private transient Sweep sweep;

    public HrPointInTime() {
        this(null, null);
    }

    private HrPointInTime(String question, RowType columns) {
        this.question = question;
        this.columns = columns;
    }

    @Override
    public TypeInference getTypeInference(DataTypeFactory factory) {
        return PointInTimeTypes.inference();
    }

    /** With the types and the question of one call, which a timer is not told. */
    @Override
    public UserDefinedFunction specialize(SpecializedContext context) {
        CallContext call = context.getCallContext();
        return new HrPointInTime(PointInTimeTypes.question(call), PointInTimeTypes.columns(call));
    }

    @Override
    public void open(FunctionContext context) throws Exception {
        converter = RowRowConverter.create(TypeConversions.fromLogicalToDataType(columns));
        converter.open(getClass().getClassLoader());
        sweep = new Sweep(Question.parse(question), columns);
    }

    public void eval(Context context, ListView<RowData> kept, Row row, String question, String answer)
            throws Exception {
        kept.add(converter.toInternal(row));
        context.timeContext(Long.class).registerOnTime(END);
    }

    public void onTimer(OnTimerContext context, ListView<RowData> kept) throws Exception {
        List<RowData> rows = new ArrayList<>(kept.getList());
        context.clearAllState();
        sweep.answers(rows, this::collect);
    }
}
