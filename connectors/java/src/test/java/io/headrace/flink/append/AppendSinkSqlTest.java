package io.headrace.flink.append;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headrace.flink.functions.CollectingSinkFactory;
import io.headrace.flink.functions.SqlJobs;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.table.api.ExplainDetail;
import org.apache.flink.table.api.PlanReference;
import org.apache.flink.table.api.StatementSet;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An updating query into an insert-only sink, as the main job writes its tiles to the lake. */
class AppendSinkSqlTest {

    @RegisterExtension
    static final MiniClusterExtension FLINK = new MiniClusterExtension(new MiniClusterResourceConfiguration.Builder()
            .setNumberTaskManagers(1)
            .setNumberSlotsPerTaskManager(2)
            .build());

    private static final long EVENTS = 1_000;
    private static final long KEYS = 3;
    private static final String COUNTS =
            "SELECT k, COUNT(*) AS n, ROW(SUM(x), ROW(MAX(name))) AS cell FROM events GROUP BY k";

    private TableEnvironment env;

    @BeforeEach
    void events() {
        env = SqlJobs.environment();
        SqlJobs.set(env, "table.exec.mini-batch.size", "20");
        env.executeSql(
                "CREATE TEMPORARY TABLE numbers (x BIGINT) WITH ('connector'='datagen', 'fields.x.kind'='sequence',"
                        + " 'fields.x.start'='0', 'fields.x.end'='" + (EVENTS - 1) + "')");
        env.executeSql(
                "CREATE TEMPORARY VIEW events AS SELECT CAST(MOD(x, " + KEYS + ") AS BIGINT) AS k, x,"
                        + " LPAD(CAST(x AS STRING), 4, '0') AS name FROM numbers");
    }

    private void sink(String name, String options) {
        CollectingSinkFactory.rows(name).clear();
        env.executeSql(
                "CREATE TEMPORARY TABLE " + name + " (k BIGINT, n BIGINT, cell ROW<s BIGINT, deep ROW<m STRING>>)"
                        + " WITH ('connector'='headrace-append'" + options + ")");
    }

    private void collectingSink(String name) {
        sink(name, ", 'delegate.connector'='test-append', 'delegate.name'='" + name + "'");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void onlyInsertsArriveWhateverTheDelegateIsMadeOf(boolean asStream) throws Exception {
        sink("counts", ", 'delegate.connector'='test-append', 'delegate.name'='counts', 'delegate.as-stream'='"
                + asStream + "'");
        env.executeSql("INSERT INTO counts " + COUNTS).await();
        assertCounts("counts");
    }

    @Test
    void whatTheQueryTakesBackDoesNotArrive() throws Exception {
        SqlJobs.set(env, "table.exec.mini-batch.enabled", "false");
        collectingSink("few");
        String few = "INSERT INTO few SELECT * FROM (" + COUNTS + ") WHERE n <= 100";
        assertThat(env.explainSql(few, ExplainDetail.CHANGELOG_MODE)).contains("UB");
        env.executeSql(few).await();
        List<Row> rows = CollectingSinkFactory.rows("few");
        assertThat(rows).hasSize((int) KEYS * 100).allMatch(row -> row.getKind() == RowKind.INSERT);
        assertThat(rows).extracting(row -> row.getField(0) + ":" + row.getField(1)).doesNotHaveDuplicates();
    }

    @Test
    void theQueryBelowKeepsItsMiniBatchAndSendsNoRowsBeforeAnUpdate() {
        collectingSink("counts");
        String explained = env.explainSql("INSERT INTO counts " + COUNTS, ExplainDetail.CHANGELOG_MODE);
        assertThat(explained)
                .contains("mode=[ProcTime]", "LocalGroupAggregate", "GlobalGroupAggregate", "changelogMode=[I,UA]")
                .doesNotContain("RowTime", "UB", "upsertMaterialize");
    }

    @Test
    void aCompiledPlanOfTwoUsesGivesTheSame(@TempDir Path folder) throws Exception {
        collectingSink("left_counts");
        collectingSink("right_counts");
        Path file = folder.resolve("plan.json");
        env.executeSql(
                "COMPILE PLAN 'file://" + file + "' FOR STATEMENT SET BEGIN INSERT INTO left_counts " + COUNTS
                        + "; INSERT INTO right_counts " + COUNTS + "; END");
        env.loadPlan(PlanReference.fromFile(file)).execute().await();
        assertCounts("left_counts");
        assertCounts("right_counts");
    }

    @Test
    void twoInsertsOfAStatementSetMayShareATable() throws Exception {
        collectingSink("shared");
        StatementSet inserts = env.createStatementSet();
        inserts.addInsertSql("INSERT INTO shared SELECT * FROM (" + COUNTS + ") WHERE k < 1");
        inserts.addInsertSql("INSERT INTO shared SELECT * FROM (" + COUNTS + ") WHERE k >= 1");
        inserts.execute().await();
        assertCounts("shared");
    }

    @Test
    void aPrimaryKeyIsNotHandedOn() throws Exception {
        CollectingSinkFactory.rows("keyed").clear();
        env.executeSql(
                "CREATE TEMPORARY TABLE keyed (k BIGINT, n BIGINT, cell ROW<s BIGINT, deep ROW<m STRING>>,"
                        + " PRIMARY KEY (k) NOT ENFORCED) WITH ('connector'='headrace-append',"
                        + " 'delegate.connector'='test-append', 'delegate.name'='keyed')");
        env.executeSql("INSERT INTO keyed " + COUNTS).await();
        assertCounts("keyed");
    }

    @Test
    void ofEachKeyTheNewestRowAloneIsWrittenWhereThatIsAsked() throws Exception {
        SqlJobs.set(env, "table.exec.mini-batch.enabled", "false");
        sink("newest", ", 'newest-of'='k', 'delegate.connector'='test-append', 'delegate.name'='newest'");
        env.executeSql("INSERT INTO newest " + COUNTS).await();
        List<Row> rows = CollectingSinkFactory.rows("newest");
        assertThat(rows).hasSize((int) KEYS).allMatch(row -> row.getKind() == RowKind.INSERT);
        assertThat(rows).allSatisfy(row -> assertThat(row).isEqualTo(expected((long) row.getField(0))));
    }

    @Test
    void aMissingOrUnknownOptionIsNamed() {
        assertRefused("", "needs the option 'delegate.connector', for example 'iceberg'; found [connector]");
        assertRefused(", 'delegate.connector'='nowhere'", "Could not find any factory for identifier 'nowhere'");
        assertRefused(", 'delegate.connector'='test-append', 'nmae'='a'", "nmae");
        assertRefused(", 'delegate.connector'='test-append', 'delegate.name'='a', 'newest-of'='x'",
                "Option 'newest-of' names column 'x', but the columns are [k, n, cell]");
        assertRefused(", 'delegate.connector'='test-append', 'delegate.name'='a', 'delegate.as-steam'='true'",
                "as-steam");
    }

    private void assertRefused(String options, String message) {
        sink("refused", options);
        assertThatThrownBy(() -> env.explainSql("INSERT INTO refused " + COUNTS)).hasStackTraceContaining(message);
        env.executeSql("DROP TEMPORARY TABLE refused");
    }

    /** Every row is an insert, some replace an earlier one, and the newest of a key is the whole. */
    private static void assertCounts(String name) {
        List<Row> rows = CollectingSinkFactory.rows(name);
        assertThat(rows).hasSizeGreaterThan((int) KEYS).allMatch(row -> row.getKind() == RowKind.INSERT);
        Map<Long, Row> newest = new HashMap<>();
        rows.forEach(
                row -> {
                    Row earlier = newest.put((Long) row.getField(0), row);
                    assertThat(earlier == null ? 0 : (long) earlier.getField(1)).isLessThan((long) row.getField(1));
                });
        assertThat(newest).hasSize((int) KEYS);
        newest.forEach((key, row) -> assertThat(row).isEqualTo(expected(key)));
    }

    private static Row expected(long key) {
        long n = 0;
        long sum = 0;
        long last = 0;
        for (long x = key; x < EVENTS; x += KEYS) {
            n++;
            sum += x;
            last = x;
        }
        return Row.of(key, n, Row.of(sum, Row.of(String.format("%04d", last))));
    }
}
