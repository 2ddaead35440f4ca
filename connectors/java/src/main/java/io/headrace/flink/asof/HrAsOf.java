package io.headrace.flink.asof;

import java.io.IOException;
import java.time.Duration;
import org.apache.flink.table.catalog.DataTypeFactory;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.SpecializedFunction;
import org.apache.flink.table.functions.TableFunction;
import org.apache.flink.table.functions.UserDefinedFunction;
import org.apache.flink.table.types.inference.TypeInference;

/**
 * {@code HR_AS_OF(STRING question, STRING answer, BIGINT us, key...)}: one row, of the type that {@code answer} spells:
 * whether an event at that time is beyond what the dimension is complete to, then the columns of the version that it
 * sees, all NULL where there is none.
 *
 * <p>The question is that of {@link AsOfQuestion}, as JSON. The pinned snapshot of the dimension is read when a task
 * opens, once for all tasks of a task manager, and held in memory; there is no state, so after a failure it is read
 * again, and says the same. Where the question has a table to follow, an event waits for a snapshot that is complete to
 * it ({@link FollowedDimension}); the gauge {@code dimensionWaitMs} says for how long one has been waiting.
 */
public final class HrAsOf extends TableFunction<RowData> implements SpecializedFunction {

    /** How often a task that waits looks for a newer snapshot. */
    private static final Duration PAUSE = Duration.ofSeconds(1);

    private final String question;

    private transient FollowedDimension dimension;

    public HrAsOf() {
        this(null);
    }

    private HrAsOf(String question) {
        this.question = question;
    }

    @Override
    public TypeInference getTypeInference(DataTypeFactory factory) {
        return AsOfTypes.inference();
    }

    /** With the question of one call, which is needed before the first row. */
    @Override
    public UserDefinedFunction specialize(SpecializedContext context) {
        return new HrAsOf(AsOfTypes.question(context.getCallContext()));
    }

    @Override
    public void open(FunctionContext context) throws Exception {
        SharedDimension shared =
                SharedDimension.acquire(question, DimensionReader::read, DimensionReader::newest);
        dimension = new FollowedDimension(AsOfQuestion.parse(question), shared, PAUSE);
        context.getMetricGroup().gauge("dimensionWaitMs", dimension::waitedMs);
    }

    @Override
    public void close() {
        if (dimension != null) {
            dimension.close();
        }
    }

    public void eval(StringData question, StringData answer, Long us, Object... key)
            throws IOException, InterruptedException {
        collect(dimension.seen(key, us));
    }
}
