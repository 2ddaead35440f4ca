package io.headrace.flink.kafka;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KafkaTableFactoryTest {

    private static void explain(String columns, String options) {
        TableEnvironment env = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        env.executeSql("CREATE TEMPORARY TABLE live (" + columns + ") WITH ('connector'='headrace-kafka', 'topic'='t',"
                + " 'bootstrap.servers'='localhost:1', 'group.id'='g'" + options + ")");
        env.explainSql("SELECT * FROM live");
    }

    @Test
    void aWellFormedTableNeedsNoBroker() {
        String options = ", 'start.offsets'='0:1;1:2', 'end.offsets'='0:1;1:3', 'json.required'='a;t',"
                + " 'json.zone'='Europe/Zurich', 'json.time-unit'='ms', 'properties.security.protocol'='PLAINTEXT'";
        assertThatCode(() -> explain("a STRING, t TIMESTAMP_LTZ(6), _raw BYTES", options)).doesNotThrowAnyException();
    }

    @Test
    void structsAndListsMayHavePartsThatAreRequired() {
        String columns = "a ROW<b STRING, c ROW<d BIGINT>>, e ARRAY<ROW<f DOUBLE>>, g ARRAY<STRING>, h ARRAY<DATE>";
        String options = ", 'start.offsets'='0:1', 'json.required'='a.b;a.c;a.c.d;e;e[].f;g[]'";
        assertThatCode(() -> explain(columns, options)).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
        "a STRING | '' | start.offsets",
        "a STRING | , 'start.offsets'='0-1' | Option 'start.offsets' must be partition:offset pairs"
                + " like '0:123;1:456', found '0-1'",
        "a STRING | , 'start.offsets'='0:1;0:2' | lists partition 0 twice",
        "a STRING | , 'start.offsets'='0:5', 'end.offsets'='0:4' | at least its start offset 5, found 4",
        "a STRING | , 'start.offsets'='0:5', 'end.offsets'='1:4' | at least its start offset 5, found nothing",
        "a STRING | , 'start.offsets'='0:5', 'json.time-unit'='ns' | must be us, ms or s, found 'ns'",
        "a STRING | , 'start.offsets'='0:5', 'json.zone'='Mars' | must be a time zone like 'UTC' or 'Europe/Zurich',"
                + " found 'Mars'",
        "a STRING | , 'start.offsets'='0:5', 'json.required'='b' | lists [b]",
        "a DECIMAL(10, 2) | , 'start.offsets'='0:5' | Column 'a' must be STRING, BIGINT, INT, DOUBLE, BOOLEAN,"
                + " DATE, TIMESTAMP_LTZ(6), or a ROW or ARRAY of these, found DECIMAL(10, 2)",
        "a ROW<b DECIMAL(10, 2)> | , 'start.offsets'='0:5' | Column 'a' must be",
        "a ARRAY<TIME> | , 'start.offsets'='0:5' | Column 'a' must be",
        "a ROW<b STRING> | , 'start.offsets'='0:5', 'json.required'='a;a.c' | lists [a.c]",
        "a TIMESTAMP_LTZ(3) | , 'start.offsets'='0:5' | Column 'a' must be",
        "a STRING NOT NULL | , 'start.offsets'='0:5' | Column 'a' must be nullable",
        "_src_offset INT | , 'start.offsets'='0:5' | Column '_src_offset' is reserved for BIGINT, found INT",
        "a STRING | , 'start.offsets'='0:5', 'watermark.idle-after'='0 s' | must be more than nothing, found PT0S",
        "a STRING | , 'start.offsets'='0:5', 'properties.auto.offset.reset'='latest' | [auto.offset.reset]"
    })
    void aMistakeIsNamed(String columns, String options, String message) {
        String rest = options.equals("''") ? "" : options;
        assertThatThrownBy(() -> explain(columns, rest)).hasStackTraceContaining(message);
    }
}
