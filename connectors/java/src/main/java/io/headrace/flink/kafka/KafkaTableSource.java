package io.headrace.flink.kafka;

import java.util.Optional;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamSource;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.source.DataStreamScanProvider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.SourceProvider;
import org.apache.flink.table.connector.source.abilities.SupportsWatermarkPushDown;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;

/**
 * Scan of one topic between pinned offsets. Columns are not pushed down: whether a record is a row depends on
 * all declared columns, and must not depend on which of them a query reads. A watermark is, to be that of each partition.
 */
final class KafkaTableSource implements ScanTableSource, SupportsWatermarkPushDown {

    private static final String NAME = KafkaTableFactory.IDENTIFIER;

    private final KafkaTableSettings settings;
    private final RowType rowType;
    private final WatermarkSettings watermarks;

    /** NULL where the table declares none. */
    private WatermarkStrategy<RowData> strategy;

    KafkaTableSource(KafkaTableSettings settings, RowType rowType, WatermarkSettings watermarks) {
        this.settings = settings;
        this.rowType = rowType;
        this.watermarks = watermarks;
    }

    @Override
    public ChangelogMode getChangelogMode() {
        return ChangelogMode.insertOnly();
    }

    @Override
    public void applyWatermark(WatermarkStrategy<RowData> declared) {
        boolean waits = watermarks.idleAfter() == null;
        strategy = waits ? declared : new PartitionWatermarks(declared, watermarks.idleAfter(), watermarks.delay());
    }

    @Override
    public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
        PinnedKafkaSource source = new PinnedKafkaSource(settings, rowType);
        return strategy == null
                ? SourceProvider.of(source, watermarks.parallelism())
                : new WatermarkedScan(source, strategy, watermarks.parallelism());
    }

    @Override
    public DynamicTableSource copy() {
        KafkaTableSource copy = new KafkaTableSource(settings, rowType, watermarks);
        copy.strategy = strategy;
        return copy;
    }

    @Override
    public String asSummaryString() {
        return NAME + "(" + settings.topic() + ")";
    }

    /** The source with watermarks of its own. */
    private record WatermarkedScan(PinnedKafkaSource source, WatermarkStrategy<RowData> strategy, Integer parallelism)
            implements DataStreamScanProvider {

        @Override
        public boolean isBounded() {
            return source.getBoundedness() == Boundedness.BOUNDED;
        }

        @Override
        public Optional<Integer> getParallelism() {
            return Optional.ofNullable(parallelism);
        }

        @Override
        public DataStream<RowData> produceDataStream(ProviderContext context, StreamExecutionEnvironment environment) {
            DataStreamSource<RowData> rows = environment.fromSource(source, strategy, NAME);
            context.generateUid(NAME).ifPresent(rows::uid);
            return rows;
        }
    }
}
