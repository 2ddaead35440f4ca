package io.headrace.flink.kafka;

import io.headrace.flink.secrets.Secret;
import java.util.Map;
import java.util.Properties;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.KafkaSourceBuilder;
import org.apache.flink.connector.kafka.source.enumerator.KafkaSourceEnumState;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;

/**
 * A {@link KafkaSource} that loses nothing silently: {@link PinnedContext} makes newly discovered partitions
 * start at offset 0 instead of wherever their log happens to start, and {@link PinnedReader} turns an offset
 * outside the log into an error that stops the job. Checkpoints are KafkaSource's own.
 *
 * <p>What travels in the job graph holds references to secrets; readers and the enumerator read them when they start.
 */
final class PinnedKafkaSource
        implements Source<RowData, KafkaPartitionSplit, KafkaSourceEnumState>, ResultTypeQueryable<RowData> {

    private static final long serialVersionUID = 1L;

    private final KafkaTableSettings settings;
    private final RowType rowType;
    private final KafkaSource<RowData> planned;

    PinnedKafkaSource(KafkaTableSettings settings, RowType rowType) {
        this.settings = settings;
        this.rowType = rowType;
        this.planned = kafka(settings.properties());
    }

    private KafkaSource<RowData> opened() {
        return kafka(Secret.resolved(settings.properties()));
    }

    private KafkaSource<RowData> kafka(Map<String, String> clientProperties) {
        Properties properties = new Properties();
        properties.putAll(clientProperties);
        KafkaSourceBuilder<RowData> builder =
                KafkaSource.<RowData>builder()
                        .setTopics(settings.topic())
                        .setStartingOffsets(new PinnedStart(settings.topic(), settings.start()))
                        .setDeserializer(new RecordDecoder(rowType, settings.json()))
                        .setProperties(properties);
        if (settings.end() != null) {
            builder.setBounded(new PinnedEnd(settings.end()));
        }
        return builder.build();
    }

    @Override
    public Boundedness getBoundedness() {
        return planned.getBoundedness();
    }

    @Override
    public SourceReader<RowData, KafkaPartitionSplit> createReader(SourceReaderContext context) throws Exception {
        return new PinnedReader(opened().createReader(context));
    }

    @Override
    public SplitEnumerator<KafkaPartitionSplit, KafkaSourceEnumState> createEnumerator(
            SplitEnumeratorContext<KafkaPartitionSplit> context) {
        return opened().createEnumerator(new PinnedContext(context));
    }

    @Override
    public SplitEnumerator<KafkaPartitionSplit, KafkaSourceEnumState> restoreEnumerator(
            SplitEnumeratorContext<KafkaPartitionSplit> context, KafkaSourceEnumState state) throws Exception {
        return opened().restoreEnumerator(new PinnedContext(context), state);
    }

    @Override
    public SimpleVersionedSerializer<KafkaPartitionSplit> getSplitSerializer() {
        return planned.getSplitSerializer();
    }

    @Override
    public SimpleVersionedSerializer<KafkaSourceEnumState> getEnumeratorCheckpointSerializer() {
        return planned.getEnumeratorCheckpointSerializer();
    }

    @Override
    public TypeInformation<RowData> getProducedType() {
        return planned.getProducedType();
    }
}
