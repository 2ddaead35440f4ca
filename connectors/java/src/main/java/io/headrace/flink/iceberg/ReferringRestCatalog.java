package io.headrace.flink.iceberg;

import io.headrace.flink.secrets.Secret;
import java.util.Map;
import org.apache.iceberg.rest.RESTCatalog;

/**
 * Iceberg's REST catalog, whose properties may be references to secrets ({@code env:NAME}, {@code file:/path}), read
 * when it is opened: {@code 'catalog-impl'='io.headrace.flink.iceberg.ReferringRestCatalog'}.
 */
public final class ReferringRestCatalog extends RESTCatalog {

    @Override
    public void initialize(String name, Map<String, String> properties) {
        super.initialize(name, Secret.resolved(properties));
    }
}
