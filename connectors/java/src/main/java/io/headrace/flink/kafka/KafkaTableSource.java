package io.headrace.flink.kafka;

import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.SourceProvider;
import org.apache.flink.table.types.logical.RowType;

/**
 * Scan of one topic between pinned offsets. Columns are not pushed down: whether a record is a row depends on
 * all declared columns, and must not depend on which of them a query reads.
 */
final class KafkaTableSource implements ScanTableSource {

    private final KafkaTableSettings settings;
    private final RowType rowType;

    KafkaTableSource(KafkaTableSettings settings, RowType rowType) {
        this.settings = settings;
        this.rowType = rowType;
    }

    @Override
    public ChangelogMode getChangelogMode() {
        return ChangelogMode.insertOnly();
    }

    @Override
    public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
        return SourceProvider.of(new PinnedKafkaSource(settings, rowType));
    }

    @Override
    public DynamicTableSource copy() {
        return new KafkaTableSource(settings, rowType);
    }

    @Override
    public String asSummaryString() {
        return "headrace-kafka(" + settings.topic() + ")";
    }
}
