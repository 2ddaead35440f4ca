package io.headrace.flink.append;

import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamSink;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.sink.DataStreamSinkProvider;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.data.RowData;

/** Puts {@link UpsertsOnly} before the delegate's own operators. */
final class AppendProvider implements DataStreamSinkProvider {

    private static final String NAME = "headrace-append";

    private final DataStreamSinkProvider delegate;

    AppendProvider(DataStreamSinkProvider delegate) {
        this.delegate = delegate;
    }

    static DataStreamSinkProvider ofSink(SinkV2Provider provider) {
        return new DataStreamSinkProvider() {
            @Override
            public DataStreamSink<?> consumeDataStream(ProviderContext context, DataStream<RowData> rows) {
                DataStreamSink<RowData> sink = rows.sinkTo(provider.createSink());
                context.generateUid(NAME + "-sink").ifPresent(sink::uid);
                provider.getParallelism().ifPresent(sink::setParallelism);
                return sink;
            }
        };
    }

    /** Same parallelism and no exchange, so the changes of one key stay in order. */
    @Override
    public DataStreamSink<?> consumeDataStream(ProviderContext context, DataStream<RowData> rows) {
        SingleOutputStreamOperator<RowData> upserts =
                rows.flatMap(new UpsertsOnly())
                        .returns(rows.getType())
                        .name(NAME)
                        .setParallelism(rows.getParallelism());
        context.generateUid(NAME).ifPresent(upserts::uid);
        return delegate.consumeDataStream(context, upserts);
    }
}
