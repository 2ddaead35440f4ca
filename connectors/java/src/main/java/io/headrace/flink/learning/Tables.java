package io.headrace.flink.learning;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.CatalogProperties;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.flink.CatalogLoader;
import org.apache.iceberg.flink.FlinkCatalogFactory;
import org.apache.iceberg.flink.FlinkSchemaUtil;
import org.apache.iceberg.flink.TableLoader;

/** Tables of Iceberg by the options of Flink's connector. */
final class Tables {

    private static final String REST = "rest";
    private static final String HIVE = "hive";

    private Tables() {}

    static TableLoader loader(Map<String, String> options) {
        Namespace namespace = Namespace.of(options.get("catalog-database").split("\\."));
        return TableLoader.fromCatalog(catalog(options), TableIdentifier.of(namespace, options.get("catalog-table")));
    }

    static ResolvedSchema schema(Map<String, String> options) {
        try (TableLoader loader = loader(options)) {
            loader.open();
            return FlinkSchemaUtil.toResolvedSchema(loader.loadTable().schema());
        } catch (IOException error) {
            throw new UncheckedIOException("Table " + options.get("catalog-table"), error);
        }
    }

    /** The catalog; whatever is no option of the connector is the catalog's own. */
    private static CatalogLoader catalog(Map<String, String> options) {
        String name = options.get("catalog-name");
        Configuration hadoop = FlinkCatalogFactory.clusterHadoopConf();
        Map<String, String> properties = new HashMap<>(options);
        String type = properties.remove("catalog-type");
        if (REST.equals(type)) {
            return CatalogLoader.rest(name, hadoop, properties);
        }
        if (HIVE.equals(type)) {
            return CatalogLoader.hive(name, hadoop, properties);
        }
        String implementation = properties.remove(CatalogProperties.CATALOG_IMPL);
        return CatalogLoader.custom(name, properties, hadoop, implementation);
    }
}
