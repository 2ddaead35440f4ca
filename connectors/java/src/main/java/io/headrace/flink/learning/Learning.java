package io.headrace.flink.learning;

import java.util.Map;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.functions.python.KeyByKeySelector;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.Row;
import org.apache.iceberg.flink.sink.FlinkSink;

/**
 * The two ends, on the JVM, of a job whose middle is a learner in Python: rows come to it gathered, so that they cross
 * once a micro-batch, and what it tells of each goes to tables.
 *
 * <p>Every operator with state has an id of its own, so that a later submission resumes from a savepoint.
 */
public final class Learning {

    private Learning() {}

    /** The rows of a query as micro-batches {@code (key, Arrow stream)}, by one task, keyed by that key. */
    public static KeyedStream<Row, Row> microBatches(
            StreamTableEnvironment tables, String query, String key, int rows, long waitMs) {
        Table asked = tables.sqlQuery(query);
        DataType type = asked.getResolvedSchema().toPhysicalRowDataType();
        DataStream<RowData> stream = tables.toDataStream(asked, type.bridgedTo(RowData.class));
        MicroBatchOperator gatherer = new MicroBatchOperator(key, (RowType) type.getLogicalType(), rows, waitMs);
        return stream.global()
                .transform("gather micro-batches", gathered(), gatherer)
                .uid("gather")
                .setParallelism(1)
                .setMaxParallelism(1)
                .keyBy(new KeyByKeySelector(), Types.ROW(Types.STRING));
    }

    /**
     * Appends what field {@code place} of the rows holds, where it does, to a table of Iceberg, exactly once; each
     * commit says {@code noted}.
     */
    public static void append(
            DataStream<Row> told, int place, String name, Map<String, String> table, Map<String, String> noted) {
        TypeInformation<Row> type = rowAt(told, place);
        DataStream<Row> rows = told.filter(row -> row.getField(place) != null)
                .setParallelism(1)
                .map(row -> (Row) row.getField(place))
                .returns(type)
                .setParallelism(1);
        FlinkSink.forRow(rows, Tables.schema(table))
                .tableLoader(Tables.loader(table))
                .writeParallelism(1)
                .uidPrefix(name)
                .setSnapshotProperties(noted)
                .append();
    }

    private static RowTypeInfo gathered() {
        return new RowTypeInfo(Types.STRING, PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO);
    }

    private static TypeInformation<Row> rowAt(DataStream<Row> told, int place) {
        return ((RowTypeInfo) told.getType()).getTypeAt(place);
    }
}
