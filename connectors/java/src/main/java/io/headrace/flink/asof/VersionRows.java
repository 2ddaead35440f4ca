package io.headrace.flink.asof;

import java.io.IOException;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.table.data.StringData;
import org.apache.iceberg.FileScanTask;
import org.apache.iceberg.MetadataColumns;
import org.apache.iceberg.Schema;
import org.apache.iceberg.Table;
import org.apache.iceberg.data.IcebergGenerics;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.types.TypeUtil;

/**
 * The rows of a snapshot as versions, each with its position: that of an archive of ours, else its place in the files,
 * those of the oldest commit first.
 */
final class VersionRows {

    private static final String PARTITION = "_src_partition";
    private static final String OFFSET = "_src_offset";
    private static final String ERROR = "_error";

    /** Of a look-up table: earlier than every event. */
    private static final long ALWAYS = Long.MIN_VALUE;

    private static final OffsetDateTime EPOCH = OffsetDateTime.of(1970, 1, 1, 0, 0, 0, 0, ZoneOffset.UTC);

    private final AsOfQuestion question;
    private final Table table;
    private final long snapshot;
    private final boolean archived;
    private final Map<String, Integer> files;
    private final Map<Object, List<Dimension.Version>> versions = new HashMap<>();
    private long rows;

    VersionRows(AsOfQuestion question, Table table, long snapshot) throws IOException {
        this.question = question;
        this.table = table;
        this.snapshot = snapshot;
        this.archived = table.schema().findField(OFFSET) != null;
        this.files = archived ? Map.of() : filesInOrder();
    }

    /** The versions by key. */
    Map<Object, List<Dimension.Version>> read() throws IOException {
        try (CloseableIterable<Record> found = IcebergGenerics.read(table)
                .useSnapshot(snapshot)
                .project(needed())
                .build()) {
            found.forEach(this::add);
        }
        return versions;
    }

    private Schema needed() {
        List<String> names = new ArrayList<>(question.key());
        if (question.eventTime() != null) {
            names.add(question.eventTime());
        }
        names.addAll(question.columns());
        if (archived) {
            names.addAll(List.of(PARTITION, OFFSET, ERROR));
        }
        for (String name : names) {
            if (table.schema().findField(name) == null) {
                throw new IllegalStateException(named() + " has no column " + name + " any more");
            }
        }
        Schema own = table.schema().select(names);
        return archived
                ? own
                : TypeUtil.join(own, new Schema(MetadataColumns.FILE_PATH, MetadataColumns.ROW_POSITION));
    }

    /** The place of each file, by when it was committed. */
    private Map<String, Integer> filesInOrder() throws IOException {
        List<FileScanTask> tasks = new ArrayList<>();
        try (CloseableIterable<FileScanTask> found =
                table.newScan().useSnapshot(snapshot).planFiles()) {
            found.forEach(tasks::add);
        }
        if (tasks.stream().anyMatch(task -> !task.deletes().isEmpty())) {
            throw new IllegalStateException(named() + " has files with deleted rows, which cannot be read");
        }
        tasks.sort(Comparator.<FileScanTask>comparingLong(task -> task.file().dataSequenceNumber())
                .thenComparing(task -> task.file().location()));
        Map<String, Integer> places = new HashMap<>();
        tasks.forEach(task -> places.putIfAbsent(task.file().location(), places.size()));
        return places;
    }

    /** What has no key or no time, or could not be parsed, is no version. */
    private void add(Record record) {
        if (question.mostRows() != null && ++rows > question.mostRows()) {
            throw new IllegalStateException(tooMany());
        }
        Object since = question.eventTime() == null ? ALWAYS : value(record.getField(question.eventTime()));
        Object key = Dimension.keyOf(values(record, question.key()));
        if (key == null || since == null || archived && record.getField(ERROR) != null) {
            return;
        }
        versions.computeIfAbsent(key, unused -> new ArrayList<>()).add(new Dimension.Version(
                (Long) since + question.delay(), partition(record), offset(record), values(record, question.columns())));
    }

    private int partition(Record record) {
        return archived
                ? (Integer) record.getField(PARTITION)
                : files.get(record.getField(MetadataColumns.FILE_PATH.name()).toString());
    }

    private long offset(Record record) {
        return (Long) record.getField(archived ? OFFSET : MetadataColumns.ROW_POSITION.name());
    }

    private String tooMany() {
        return named() + " has more than " + question.mostRows()
                + " rows, all of which each task manager holds in memory; give these more, and raise the setting"
                + " flink.dimension_rows";
    }

    private String named() {
        return "dimension " + question.dimension() + " (Iceberg table " + table.name() + ")";
    }

    private static Object[] values(Record record, List<String> names) {
        return names.stream().map(name -> value(record.getField(name))).toArray();
    }

    /**
     * A value in Flink's internal classes: an instant is its µs, a date its day, a number one of the two widths that
     * columns have, a float that is no finite number NULL.
     */
    private static Object value(Object found) {
        if (found instanceof CharSequence text) {
            return StringData.fromString(text.toString());
        }
        if (found instanceof OffsetDateTime instant) {
            return ChronoUnit.MICROS.between(EPOCH, instant);
        }
        if (found instanceof LocalDate date) {
            return date.toEpochDay();
        }
        if (found instanceof Integer number) {
            return number.longValue();
        }
        return found instanceof Float || found instanceof Double ? finite(((Number) found).doubleValue()) : found;
    }

    private static Object finite(double number) {
        return Double.isFinite(number) ? (Object) number : null;
    }
}
