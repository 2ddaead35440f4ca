package io.headrace.flink.append;

import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.DataStreamSinkProvider;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.data.RowData;

/** Takes upserts from the planner and hands inserts to its delegate. */
final class AppendTableSink implements DynamicTableSink {

    private final DynamicTableSink delegate;
    private final RowData.FieldGetter[] key;

    AppendTableSink(DynamicTableSink delegate, RowData.FieldGetter[] key) {
        this.delegate = delegate;
        this.key = key;
    }

    @Override
    public ChangelogMode getChangelogMode(ChangelogMode requested) {
        return ChangelogMode.upsert();
    }

    @Override
    public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
        delegate.getChangelogMode(ChangelogMode.insertOnly());
        SinkRuntimeProvider provider = delegate.getSinkRuntimeProvider(context);
        if (provider instanceof DataStreamSinkProvider streams) {
            return new AppendProvider(streams, key);
        }
        if (provider instanceof SinkV2Provider sinks) {
            return new AppendProvider(AppendProvider.ofSink(sinks), key);
        }
        throw new ValidationException(
                "Connector '" + AppendTableFactory.IDENTIFIER
                        + "' delegates to a SinkV2Provider or a DataStreamSinkProvider, found "
                        + provider.getClass().getName() + " of " + delegate.asSummaryString() + ".");
    }

    @Override
    public DynamicTableSink copy() {
        return new AppendTableSink(delegate.copy(), key);
    }

    @Override
    public String asSummaryString() {
        return "headrace-append(" + delegate.asSummaryString() + ")";
    }
}
