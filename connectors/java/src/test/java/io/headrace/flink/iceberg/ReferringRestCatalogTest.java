package io.headrace.flink.iceberg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import io.headrace.flink.secrets.SecretException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.iceberg.CatalogUtil;
import org.apache.iceberg.catalog.Catalog;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The catalog as Iceberg makes it for Flink, against an HTTP server that answers its first question. */
class ReferringRestCatalogTest {

    private static final byte[] NO_CONFIGURATION =
            "{\"defaults\":{},\"overrides\":{}}".getBytes(StandardCharsets.UTF_8);

    private final List<String> authorizations = new CopyOnWriteArrayList<>();
    private HttpServer server;

    @BeforeEach
    void serve() throws Exception {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/v1/config", exchange -> {
            authorizations.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
            exchange.getResponseHeaders().add("Content-Type", "application/json");
            exchange.sendResponseHeaders(200, NO_CONFIGURATION.length);
            exchange.getResponseBody().write(NO_CONFIGURATION);
            exchange.close();
        });
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private Catalog open(String token) {
        String uri = "http://127.0.0.1:" + server.getAddress().getPort();
        Map<String, String> properties =
                Map.of("catalog-impl", ReferringRestCatalog.class.getName(), "uri", uri, "token", token);
        return CatalogUtil.buildIcebergCatalog("lake", properties, null);
    }

    @Test
    void sendsTheTokenThatAFileHolds(@TempDir Path folder) throws Exception {
        Path token = Files.writeString(folder.resolve("token"), "s3cret\n");
        Catalog catalog = open("file:" + token);
        assertThat(authorizations).containsExactly("Bearer s3cret");
        ((AutoCloseable) catalog).close();
    }

    @Test
    void opensNoConnectionWithoutTheSecret() {
        assertThatThrownBy(() -> open("env:NOT_SET_ANYWHERE"))
                .isInstanceOf(SecretException.class)
                .hasMessageContainingAll("'token'", "'NOT_SET_ANYWHERE'");
        assertThat(authorizations).isEmpty();
    }
}
