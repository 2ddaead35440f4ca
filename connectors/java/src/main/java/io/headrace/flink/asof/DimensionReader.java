package io.headrace.flink.asof;

import java.io.Closeable;
import java.io.IOException;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.table.data.StringData;
import org.apache.iceberg.CatalogUtil;
import org.apache.iceberg.Table;
import org.apache.iceberg.catalog.Catalog;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.data.IcebergGenerics;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.flink.FlinkCatalogFactory;
import org.apache.iceberg.io.CloseableIterable;

/** Reads the needed columns of a dimension's pinned snapshot by Iceberg's own API. */
final class DimensionReader {

    private static final List<String> POSITION = List.of("_src_partition", "_src_offset", "_error");
    private static final OffsetDateTime EPOCH = OffsetDateTime.of(1970, 1, 1, 0, 0, 0, 0, ZoneOffset.UTC);

    private final AsOfQuestion question;
    private final Map<Object, List<Dimension.Version>> versions = new HashMap<>();
    private long rows;

    private DimensionReader(AsOfQuestion question) {
        this.question = question;
    }

    static Dimension read(AsOfQuestion question) throws IOException {
        DimensionReader reader = new DimensionReader(question);
        Catalog catalog = catalog(question.table());
        try {
            reader.readFrom(catalog);
        } finally {
            if (catalog instanceof Closeable closeable) {
                closeable.close();
            }
        }
        return new Dimension(question, reader.versions);
    }

    /** The catalog by the properties of Flink's Iceberg connector; whatever is none of its own is the catalog's. */
    private static Catalog catalog(Map<String, String> options) {
        Map<String, String> properties = new HashMap<>(options);
        String type = properties.remove("catalog-type");
        if (type != null) {
            properties.put(CatalogUtil.ICEBERG_CATALOG_TYPE, type);
        }
        Object hadoop = FlinkCatalogFactory.clusterHadoopConf();
        return CatalogUtil.buildIcebergCatalog(options.get("catalog-name"), properties, hadoop);
    }

    private void readFrom(Catalog catalog) throws IOException {
        Map<String, String> options = question.table();
        Namespace namespace = Namespace.of(options.get("catalog-database").split("\\."));
        Table table = catalog.loadTable(TableIdentifier.of(namespace, options.get("catalog-table")));
        long snapshot = Long.parseLong(options.get("snapshot-id"));
        try (CloseableIterable<Record> found =
                IcebergGenerics.read(table).useSnapshot(snapshot).select(needed()).build()) {
            found.forEach(this::add);
        }
    }

    private List<String> needed() {
        List<String> names = new ArrayList<>(POSITION);
        names.addAll(question.key());
        names.add(question.eventTime());
        names.addAll(question.columns());
        return names.stream().distinct().toList();
    }

    /** What has no key or no time, or could not be parsed, is no version. */
    private void add(Record record) {
        if (question.mostRows() != null && ++rows > question.mostRows()) {
            throw new IllegalStateException(tooMany());
        }
        Object since = value(record.getField(question.eventTime()));
        Object key = Dimension.keyOf(values(record, question.key()));
        if (key == null || since == null || record.getField("_error") != null) {
            return;
        }
        versions.computeIfAbsent(key, unused -> new ArrayList<>()).add(new Dimension.Version(
                (Long) since + question.delay(),
                (Integer) record.getField("_src_partition"),
                (Long) record.getField("_src_offset"),
                values(record, question.columns())));
    }

    private String tooMany() {
        return "dimension " + question.dimension() + " (Iceberg table " + question.table().get("catalog-database") + "."
                + question.table().get("catalog-table") + ") has more than " + question.mostRows()
                + " rows, all of which each task manager holds in memory; give these more, and raise the setting"
                + " flink.dimension_rows";
    }

    private static Object[] values(Record record, List<String> names) {
        return names.stream().map(name -> value(record.getField(name))).toArray();
    }

    /** A value in Flink's internal classes: an instant is its µs, a float that is no finite number NULL. */
    private static Object value(Object found) {
        if (found instanceof CharSequence text) {
            return StringData.fromString(text.toString());
        }
        if (found instanceof OffsetDateTime instant) {
            return ChronoUnit.MICROS.between(EPOCH, instant);
        }
        return found instanceof Double number && !Double.isFinite(number) ? null : found;
    }
}
