package io.headrace.flink.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headrace.flink.secrets.SecretException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PinnedKafkaSourceTest {

    private static PinnedKafkaSource source(String jaas, String end) {
        KafkaTableSettings settings = new KafkaTableSettings(
                "t",
                PartitionOffsets.parse("start.offsets", "0:1"),
                end == null ? null : PartitionOffsets.parse("end.offsets", end),
                new JsonSettings(Set.of(), null, null, 1, 1),
                Map.of("bootstrap.servers", "localhost:1", "group.id", "g", "sasl.jaas.config", jaas));
        return new PinnedKafkaSource(settings, RowType.of(new BigIntType()));
    }

    @Test
    void theJobGraphHoldsTheReferenceAndNotTheSecret(@TempDir Path folder) throws Exception {
        String reference = "file:" + Files.writeString(folder.resolve("jaas"), "s3cret");
        String bytes = new String(
                InstantiationUtil.serializeObject(source(reference, null)), StandardCharsets.ISO_8859_1);
        assertThat(bytes).contains(reference).doesNotContain("s3cret");
    }

    @Test
    void readersAndEnumeratorsReadTheSecretWhenTheyStart() {
        PinnedKafkaSource source = source("env:NOT_SET_ANYWHERE", null);
        assertThatThrownBy(() -> source.createReader(null)).isInstanceOf(SecretException.class);
        assertThatThrownBy(() -> source.createEnumerator(null)).isInstanceOf(SecretException.class);
        assertThatThrownBy(() -> source.restoreEnumerator(null, null)).isInstanceOf(SecretException.class);
    }

    @Test
    void endOffsetsMakeItBounded() {
        assertThat(source("", null).getBoundedness()).isEqualTo(Boundedness.CONTINUOUS_UNBOUNDED);
        assertThat(source("", "0:2").getBoundedness()).isEqualTo(Boundedness.BOUNDED);
    }
}
