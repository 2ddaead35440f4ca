package io.headrace.flink.learning;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.apache.flink.api.python.shaded.org.apache.arrow.memory.BufferAllocator;
import org.apache.flink.api.python.shaded.org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.flink.api.python.shaded.org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.flink.api.python.shaded.org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.arrow.ArrowReader;
import org.apache.flink.table.runtime.arrow.ArrowUtils;
import org.apache.flink.table.runtime.arrow.ArrowWriter;
import org.apache.flink.table.types.logical.RowType;

/** Rows as columns of Arrow, to be taken as one stream of its IPC format: what Python reads without a loop per row. */
final class ArrowRows implements AutoCloseable {

    private final RowType type;
    private final BufferAllocator allocator;
    private final VectorSchemaRoot root;
    private final ArrowWriter<RowData> writer;

    private int size;

    ArrowRows(RowType type) {
        this.type = type;
        this.allocator = ArrowUtils.getRootAllocator().newChildAllocator("micro-batch", 0, Long.MAX_VALUE);
        this.root = VectorSchemaRoot.create(ArrowUtils.toArrowSchema(type), allocator);
        this.writer = ArrowUtils.createRowDataArrowWriter(root, type);
    }

    int size() {
        return size;
    }

    /** Copies the row's values, so whoever gives it may use it again. */
    void add(RowData row) {
        writer.write(row);
        size++;
    }

    /** All rows as one stream with one batch; they stay. */
    byte[] stream() throws IOException {
        writer.finish();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ArrowStreamWriter stream = new ArrowStreamWriter(root, null, bytes)) {
            stream.start();
            stream.writeBatch();
            stream.end();
            return bytes.toByteArray();
        }
    }

    void clear() {
        writer.reset();
        size = 0;
    }

    /** Adds the rows of what {@link #stream} gave. */
    void addAll(byte[] stream) throws IOException {
        try (ArrowStreamReader reader = new ArrowStreamReader(new ByteArrayInputStream(stream), allocator)) {
            while (reader.loadNextBatch()) {
                VectorSchemaRoot read = reader.getVectorSchemaRoot();
                ArrowReader rows = ArrowUtils.createArrowReader(read, type);
                for (int row = 0; row < read.getRowCount(); row++) {
                    add(rows.read(row));
                }
            }
        }
    }

    @Override
    public void close() {
        root.close();
        allocator.close();
    }
}
