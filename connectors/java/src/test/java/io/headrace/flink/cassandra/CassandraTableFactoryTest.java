package io.headrace.flink.cassandra;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.ExplainDetail;
import org.apache.flink.table.api.TableEnvironment;
import org.junit.jupiter.api.Test;

class CassandraTableFactoryTest {

    private static final String OPTIONS = "'connector' = 'headrace-cassandra', 'contact-points' = 'h:1',"
            + " 'keyspace' = 'ks', 'table' = 't', 'driver.basic.request.timeout' = '3 s'";

    private static final String VERSIONS = ", 'sink.versions' = 'true'";

    private final TableEnvironment tables = TableEnvironment.create(EnvironmentSettings.inStreamingMode());

    @Test
    void takesUpsertsWithoutTheRowBefore() {
        create("k STRING, n BIGINT, wt BIGINT METADATA FROM 'write_time', PRIMARY KEY (k) NOT ENFORCED", "");
        assertThat(explainCount()).contains("UA").doesNotContain("UB");
    }

    @Test
    void takesInsertsOnlyWithoutAKey() {
        create("k STRING, n BIGINT, wt BIGINT METADATA FROM 'write_time'", "");
        assertThatThrownBy(this::explainCount).hasMessageContaining("doesn't support consuming update changes");
    }

    @Test
    void versionsAreInsertsAndUpdatesWithoutTheRowBefore() {
        create("k STRING, n BIGINT, wt BIGINT METADATA FROM 'write_time'", VERSIONS);
        assertThat(explainCount()).contains("changelogMode=[I,UA]").doesNotContain("UB", "D]");
    }

    @Test
    void versionsNeedAWriteTime() {
        create("k STRING, n BIGINT, wt BIGINT", VERSIONS);
        assertThatThrownBy(this::explainCount)
                .hasStackTraceContaining("Table 't' sets 'sink.versions' without the metadata column 'write_time'");
    }

    @Test
    void versionsForbidAPrimaryKey() {
        create("k STRING, n BIGINT, wt BIGINT METADATA FROM 'write_time', PRIMARY KEY (k) NOT ENFORCED", VERSIONS);
        assertThatThrownBy(this::explainCount)
                .hasStackTraceContaining("Table 't' sets 'sink.versions' and declares PRIMARY KEY [k]")
                .hasStackTraceContaining("Leave the key out");
    }

    @Test
    void refusesBothFormsOfAnEnd() {
        create("k STRING, n BIGINT, ttl INT METADATA, expires_at BIGINT METADATA", "");
        assertThatThrownBy(() -> tables.explainSql("INSERT INTO t VALUES ('a', 1, 2, 3)"))
                .hasMessageContainingAll("'t'", "'ttl' and 'expires_at'", "Keep one of them");
    }

    @Test
    void refusesOptionsThatMeanNothing() {
        assertRefused(", 'consistency' = 'MOST'", "'MOST'");
        assertRefused(", 'sink.max-in-flight' = '0'", "'sink.max-in-flight' must be greater than zero, found 0");
        assertRefused(", 'username' = 'u'", "Set both");
        assertRefused(", 'sink.bufer-rows' = '5'", "sink.bufer-rows");
    }

    private void assertRefused(String option, String message) {
        create("k STRING, n BIGINT", option);
        assertThatThrownBy(() -> tables.explainSql("INSERT INTO t VALUES ('a', 1)"))
                .hasStackTraceContaining(message);
        tables.executeSql("DROP TABLE t");
    }

    private String explainCount() {
        return tables.explainSql(
                "INSERT INTO t SELECT k, COUNT(*), COUNT(*) FROM (VALUES ('a'), ('b')) AS s(k) GROUP BY k",
                ExplainDetail.CHANGELOG_MODE);
    }

    private void create(String columns, String options) {
        tables.executeSql("CREATE TABLE t (" + columns + ") WITH (" + OPTIONS + options + ")");
    }
}
