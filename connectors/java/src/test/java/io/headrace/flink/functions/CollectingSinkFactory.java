package io.headrace.flink.functions;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamSink;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.sink.DataStreamSinkProvider;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.DataType;
import org.apache.flink.types.Row;

/**
 * {@code 'connector'='test-append'}: an insert-only sink that keeps its rows in this JVM, by name; with {@code
 * 'as-stream'='true'} it is made of a stream, as Iceberg's is.
 */
public final class CollectingSinkFactory implements DynamicTableSinkFactory {

    private static final ConfigOption<String> NAME =
            ConfigOptions.key("name").stringType().noDefaultValue();
    private static final ConfigOption<Boolean> AS_STREAM =
            ConfigOptions.key("as-stream").booleanType().defaultValue(false);
    private static final Map<String, List<Row>> ROWS = new ConcurrentHashMap<>();

    /** Rows written under a name so far, with the kinds that the sink saw. */
    public static List<Row> rows(String name) {
        return ROWS.computeIfAbsent(name, n -> new CopyOnWriteArrayList<>());
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validate();
        return new CollectingSink(
                helper.getOptions().get(NAME), helper.getOptions().get(AS_STREAM), context.getPhysicalRowDataType());
    }

    @Override
    public String factoryIdentifier() {
        return "test-append";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(NAME);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of(AS_STREAM);
    }

    private record CollectingSink(String name, boolean asStream, DataType type)
            implements DynamicTableSink {

        @Override
        public ChangelogMode getChangelogMode(ChangelogMode requested) {
            return ChangelogMode.insertOnly();
        }

        @Override
        public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
            Writers writers = new Writers(name, context.createDataStructureConverter(type));
            return asStream ? new Stream(writers) : SinkV2Provider.of(writers);
        }

        @Override
        public DynamicTableSink copy() {
            return new CollectingSink(name, asStream, type);
        }

        @Override
        public String asSummaryString() {
            return "test-append";
        }
    }

    private record Stream(Writers writers) implements DataStreamSinkProvider {

        @Override
        public DataStreamSink<?> consumeDataStream(ProviderContext context, DataStream<RowData> rows) {
            DataStreamSink<RowData> sink = rows.sinkTo(writers);
            context.generateUid("test-append").ifPresent(sink::uid);
            return sink;
        }
    }

    private record Writers(String name, DynamicTableSink.DataStructureConverter converter)
            implements Sink<RowData> {

        @Override
        public SinkWriter<RowData> createWriter(WriterInitContext context) {
            return new SinkWriter<>() {
                @Override
                public void write(RowData element, Context context) {
                    rows(name).add((Row) converter.toExternal(element));
                }

                @Override
                public void flush(boolean endOfInput) {}

                @Override
                public void close() {}
            };
        }
    }
}
