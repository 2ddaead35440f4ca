package io.headrace.flink.cassandra;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.config.DriverExecutionProfile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConnectionSettingsTest {

    @Test
    void showsNoSecret() {
        ConnectionSettings settings =
                settings(Map.of("advanced.ssl-engine-factory.truststore-password", "trust-secret"));
        assertThat(settings.toString()).contains("h:1").doesNotContain("pass-secret", "trust-secret");
    }

    @Test
    void passesDriverOptionsThroughAboveTheDefaults() {
        ConnectionSettings settings = settings(Map.of(
                "basic.request.timeout", "7 s",
                "advanced.connection.pool.local.size", "3",
                "advanced.metadata.schema.refreshed-keyspaces", "[\"a\", \"b\"]"));
        try (DriverConfigLoader loader = DriverSettings.loader(settings)) {
            DriverExecutionProfile profile = loader.getInitialConfig().getDefaultProfile();
            assertThat(profile.getDuration(DefaultDriverOption.REQUEST_TIMEOUT)).isEqualTo(Duration.ofSeconds(7));
            assertThat(profile.getInt(DefaultDriverOption.CONNECTION_POOL_LOCAL_SIZE)).isEqualTo(3);
            assertThat(profile.getStringList(DefaultDriverOption.METADATA_SCHEMA_REFRESHED_KEYSPACES))
                    .containsExactly("a", "b");
            assertThat(profile.getString(DefaultDriverOption.REQUEST_CONSISTENCY)).isEqualTo("LOCAL_QUORUM");
        }
    }

    @Test
    void readsContactPoints() {
        assertThat(ContactPoints.parse("a:1, b ,[::1]:2,[::2]"))
                .containsExactly("a:1", "b:9042", "[::1]:2", "[::2]:9042");
        assertThat(ContactPoints.host("[::1]:2")).isEqualTo("::1");
        assertThat(ContactPoints.port("[::1]:2")).isEqualTo(2);
        assertThatThrownBy(() -> ContactPoints.parse("a:port")).hasMessageContainingAll("contact-points", "'a:port'");
        assertThatThrownBy(() -> ContactPoints.parse(" , ")).hasMessageContaining("host:port");
    }

    @Test
    void readsSecretsOfTheDriverOnlyWhereItIsConfigured(@TempDir Path folder) throws Exception {
        String reference = "file:" + Files.writeString(folder.resolve("password"), "s3cret\n");
        ConnectionSettings settings =
                settings(Map.of("advanced.ssl-engine-factory.truststore-password", reference));
        String bytes = new String(InstantiationUtil.serializeObject(settings), StandardCharsets.ISO_8859_1);
        assertThat(bytes).contains(reference).doesNotContain("s3cret");
        try (DriverConfigLoader loader = DriverSettings.loader(settings)) {
            DriverExecutionProfile profile = loader.getInitialConfig().getDefaultProfile();
            assertThat(profile.getString(DefaultDriverOption.SSL_TRUSTSTORE_PASSWORD)).isEqualTo("s3cret");
        }
    }

    private static ConnectionSettings settings(Map<String, String> driver) {
        return new ConnectionSettings(
                List.of("h:1"), "dc", "ks", "user", "pass-secret", "LOCAL_QUORUM", new TreeMap<>(driver));
    }
}
