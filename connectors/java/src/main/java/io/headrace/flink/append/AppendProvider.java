package io.headrace.flink.append;

import org.apache.flink.api.common.typeutils.TypeSerializer;
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
    private final RowData.FieldGetter[] key;

    /** Of rows that are equal in a {@code key} the newest alone is passed on, where it has columns. */
    AppendProvider(DataStreamSinkProvider delegate, RowData.FieldGetter[] key) {
        this.delegate = delegate;
        this.key = key;
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
        return delegate.consumeDataStream(context, key.length == 0 ? upserts : newest(context, upserts));
    }

    private DataStream<RowData> newest(ProviderContext context, DataStream<RowData> upserts) {
        String name = NAME + "-newest";
        TypeSerializer<RowData> serializer = upserts.getType()
                .createSerializer(upserts.getExecutionEnvironment().getConfig().getSerializerConfig());
        SingleOutputStreamOperator<RowData> newest =
                upserts.transform(name, upserts.getType(), new NewestOfKey(serializer, key))
                        .setParallelism(upserts.getParallelism());
        context.generateUid(name).ifPresent(newest::uid);
        return newest;
    }
}
