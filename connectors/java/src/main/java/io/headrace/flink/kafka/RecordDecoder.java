package io.headrace.flink.kafka;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.RowType.RowField;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Turns each Kafka record into exactly one row and never throws: a record that cannot be read becomes a row
 * with NULL payload columns, its bytes in {@code _raw} and the reason in {@code _error}.
 */
final class RecordDecoder implements KafkaRecordDeserializationSchema<RowData> {

    private static final long serialVersionUID = 1L;

    /** What is kept of a record that is too large to be parsed: enough to see whose it is. */
    static final int RAW_KEPT_OF_OVERSIZED = 64 * 1024;

    private final RowType rowType;
    private final JsonSettings settings;
    private final Map<ReservedColumn, Integer> reserved = new EnumMap<>(ReservedColumn.class);
    private transient JsonPayload payload;

    RecordDecoder(RowType rowType, JsonSettings settings) {
        this.rowType = rowType;
        this.settings = settings;
        List<RowField> fields = rowType.getFields();
        for (int i = 0; i < fields.size(); i++) {
            int position = i;
            ReservedColumn.named(fields.get(i).getName()).ifPresent(column -> reserved.put(column, position));
        }
    }

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<RowData> out) {
        out.collect(decode(record));
    }

    RowData decode(ConsumerRecord<byte[], byte[]> record) {
        GenericRowData row = new GenericRowData(rowType.getFieldCount());
        try {
            read(record.value(), row);
        } catch (Refusal | RuntimeException e) {
            row = refused(record.value(), e);
        }
        setSource(record, row);
        return row;
    }

    private void read(byte[] value, GenericRowData row) throws Refusal {
        if (value == null) {
            throw new Refusal("tombstone: the record has no value");
        }
        if (value.length > settings.maxBytes()) {
            throw new Refusal("too large: " + value.length + " bytes, the limit is " + settings.maxBytes());
        }
        payload().read(value, row);
    }

    private JsonPayload payload() {
        if (payload == null) {
            payload = new JsonPayload(rowType.getFields(), settings);
        }
        return payload;
    }

    /** A RuntimeException here is a fault of ours; the record is kept all the same, and the text names the fault. */
    private GenericRowData refused(byte[] value, Exception error) {
        GenericRowData row = new GenericRowData(rowType.getFieldCount());
        String reason = error instanceof Refusal ? error.getMessage() : "decoder fault: " + error;
        set(row, ReservedColumn.ERROR, StringData.fromString(reason));
        boolean oversized = value != null && value.length > settings.maxBytes();
        byte[] raw = oversized ? Arrays.copyOf(value, Math.min(value.length, RAW_KEPT_OF_OVERSIZED)) : value;
        set(row, ReservedColumn.RAW, raw);
        return row;
    }

    private void setSource(ConsumerRecord<byte[], byte[]> record, GenericRowData row) {
        set(row, ReservedColumn.SRC_TOPIC, StringData.fromString(record.topic()));
        set(row, ReservedColumn.SRC_PARTITION, record.partition());
        set(row, ReservedColumn.SRC_OFFSET, record.offset());
        if (record.timestamp() >= 0) {
            set(row, ReservedColumn.SRC_TIMESTAMP, TimestampData.fromEpochMillis(record.timestamp()));
        }
    }

    private void set(GenericRowData row, ReservedColumn column, Object value) {
        Integer position = reserved.get(column);
        if (position != null) {
            row.setField(position, value);
        }
    }

    @Override
    public TypeInformation<RowData> getProducedType() {
        return InternalTypeInfo.of(rowType);
    }
}
