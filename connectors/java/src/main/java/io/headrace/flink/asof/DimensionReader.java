package io.headrace.flink.asof;

import java.io.Closeable;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import org.apache.iceberg.CatalogUtil;
import org.apache.iceberg.Snapshot;
import org.apache.iceberg.Table;
import org.apache.iceberg.catalog.Catalog;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.flink.FlinkCatalogFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads a dimension by Iceberg's own API: its pinned snapshot, and what was committed since. */
final class DimensionReader {

    private static final Logger LOG = LoggerFactory.getLogger(DimensionReader.class);
    private static final long MICROS_PER_MILLI = 1_000L;

    private DimensionReader() {}

    /** What is done with a table while its catalog is open. */
    @FunctionalInterface
    private interface Use {
        Dimension of(Table table) throws IOException;
    }

    /** The pinned snapshot. */
    static Dimension read(AsOfQuestion question) throws IOException {
        long snapshot = Long.parseLong(question.table().get("snapshot-id"));
        return with(question.table(), table -> versions(question, table, snapshot, question.until()));
    }

    /** The newest snapshot of the table that is followed; what is held where there is none newer. */
    static Dimension newest(AsOfQuestion question, Dimension held) throws IOException {
        return with(question.following().table(), table -> newest(question, held, table));
    }

    /** Table and snapshot are of one version of the metadata, so what was noted is true of the snapshot. */
    static Dimension newest(AsOfQuestion question, Dimension held, Table table) throws IOException {
        Snapshot found = table.currentSnapshot();
        if (found == null) {
            return held;
        }
        long until = until(question, table, found);
        if (found.snapshotId() == held.snapshot()) {
            return held.completeTo(until);
        }
        Dimension newer = versions(question, table, found.snapshotId(), until);
        tellOfLate(question, held, newer);
        return newer;
    }

    private static void tellOfLate(AsOfQuestion question, Dimension held, Dimension newer) {
        long late = newer.lateSince(held);
        if (late != 0) {
            LOG.warn(
                    "Dimension {} has changed by {} versions of before {}, to which it was complete: they were written"
                            + " later than its delay, or taken away, and events that were read before saw it otherwise.",
                    question.dimension(),
                    late,
                    Completeness.text(held.until()));
        }
    }

    /** Complete to its commit, less how late versions may be written, or to what its writers have noted. */
    private static long until(AsOfQuestion question, Table table, Snapshot snapshot) {
        long byCommit = snapshot.timestampMillis() * MICROS_PER_MILLI - question.delay();
        String noted = table.properties().get(Completeness.NOTED);
        return noted == null ? byCommit : Math.max(byCommit, Completeness.parse(noted));
    }

    private static Dimension versions(AsOfQuestion question, Table table, long snapshot, Long until)
            throws IOException {
        return Dimension.of(question, snapshot, until, new VersionRows(question, table, snapshot).read());
    }

    private static Dimension with(Map<String, String> options, Use use) throws IOException {
        Catalog catalog = catalog(options);
        try {
            Namespace namespace = Namespace.of(options.get("catalog-database").split("\\."));
            return use.of(catalog.loadTable(TableIdentifier.of(namespace, options.get("catalog-table"))));
        } finally {
            if (catalog instanceof Closeable closeable) {
                closeable.close();
            }
        }
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
}
