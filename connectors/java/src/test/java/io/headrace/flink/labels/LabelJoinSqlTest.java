package io.headrace.flink.labels;

import static org.assertj.core.api.Assertions.assertThat;

import io.headrace.flink.functions.CollectingSinkFactory;
import io.headrace.flink.functions.SqlJobs;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.table.api.PlanReference;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The function in a job, a number each second: row i at each even second i; of every third row the label comes after one
 * second, of the next after 31, of the last never. The wait is ten seconds, labels count for sixty.
 */
class LabelJoinSqlTest {

    private static final int SECONDS = 300;
    private static final int SOON = 1;
    private static final int LATE = 31;
    private static final int AGAIN = 200;
    private static final String DURATIONS =
            "{\"wait_us\": 10000000, \"corrects_us\": 60000000, \"remembers_us\": 100000000, \"complete_us\": null}";
    private static final String QUERY =
            "SELECT id, _outcome, _number, _known, _known_time, _us, v FROM HR_LABEL_JOIN(joined => TABLE joined"
                    + " PARTITION BY id, durations => '" + DURATIONS + "', uid => 'labels')";

    private TableEnvironment env;

    @BeforeEach
    void rows() {
        env = SqlJobs.environment();
        env.executeSql(
                "CREATE TEMPORARY TABLE numbers (i BIGINT, ts AS TO_TIMESTAMP_LTZ(i * 1000, 3),"
                        + " WATERMARK FOR ts AS ts) WITH ('connector'='datagen', 'number-of-rows'='" + SECONDS
                        + "', 'fields.i.kind'='sequence', 'fields.i.start'='0', 'fields.i.end'='" + (SECONDS - 1)
                        + "')");
        // In one task, so that a row comes behind the watermarks of all before it.
        SqlJobs.set(env, "parallelism.default", "1");
        String kind = "MOD((i - 1) / 2, 3)";
        env.executeSql(
                "CREATE TEMPORARY VIEW joined AS SELECT CASE WHEN i = " + AGAIN + " THEN 0 WHEN MOD(i, 2) = 0 THEN i"
                        + " WHEN " + kind + " = 0 THEN i - " + SOON + " ELSE i - " + LATE + " END AS id,"
                        + " MOD(i, 2) = 1 AS _is_label, i * 1000000 AS _us, 0 AS _src_partition, i AS _src_offset,"
                        + " CASE WHEN MOD(i, 2) = 1 THEN CAST(i AS STRING) END AS _label,"
                        + " CASE WHEN MOD(i, 2) = 1 THEN i END AS _label_time,"
                        + " CASE WHEN MOD(i, 2) = 0 THEN i * 7 END AS v FROM numbers"
                        + " WHERE MOD(i, 2) = 0 OR " + kind + " = 0 OR (" + kind + " = 1 AND i > " + LATE + ")");
    }

    @Test
    void everyRowIsToldOfOnceAsTheWatermarkPasses() throws Exception {
        assertThat(SqlJobs.collect(env, QUERY)).containsExactlyInAnyOrderElementsOf(expected());
    }

    @Test
    void aCompiledPlanGivesTheSame(@TempDir Path folder) throws Exception {
        CollectingSinkFactory.rows("labelled").clear();
        env.executeSql(
                "CREATE TEMPORARY TABLE labelled (id BIGINT, o INT, n INT, k STRING, at_ BIGINT, us BIGINT, v BIGINT)"
                        + " WITH ('connector'='test-append', 'name'='labelled')");
        Path file = folder.resolve("plan.json");
        env.executeSql("COMPILE PLAN 'file://" + file + "' FOR INSERT INTO labelled " + QUERY);
        env.loadPlan(PlanReference.fromFile(file)).execute().await();
        assertThat(CollectingSinkFactory.rows("labelled")).containsExactlyInAnyOrderElementsOf(expected());
    }

    private static List<Row> expected() {
        List<Row> rows = new ArrayList<>();
        for (long id = 0; id < SECONDS; id += 2) {
            if (id == AGAIN) {
                continue;
            }
            boolean isSoon = id / 2 % 3 == 0;
            rows.add(isSoon ? fact(id, Outcome.LABELLED, 1, id + SOON) : fact(id, Outcome.WAITED, 1, null));
            if (id / 2 % 3 == 1 && id + LATE < SECONDS) {
                rows.add(fact(id, Outcome.CORRECTED, 2, id + LATE));
            }
        }
        // The first id comes again when it has been forgotten for long, in the place of a row whose label is an orphan.
        rows.add(Row.of(0L, Outcome.WAITED.number, 1, null, null, AGAIN * 1_000_000L, AGAIN * 7L));
        long orphan = (AGAIN + LATE) * 1_000_000L;
        rows.add(Row.of((long) AGAIN, Outcome.ORPHAN.number, null, null, null, orphan, null));
        return rows;
    }

    private static Row fact(long id, Outcome outcome, int number, Long label) {
        String known = label == null ? null : Long.toString(label);
        return Row.of(id, outcome.number, number, known, label, id * 1_000_000, id * 7);
    }
}
