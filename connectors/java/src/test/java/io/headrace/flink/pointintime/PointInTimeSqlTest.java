package io.headrace.flink.pointintime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headrace.flink.functions.CollectingSinkFactory;
import io.headrace.flink.functions.SqlJobs;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.flink.table.api.PlanReference;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The operator in a job: events i at time i of key i % 3 (7 i in x), the rows of the spine at times 0 to 500. */
class PointInTimeSqlTest {

    private static final int EVENTS = 500;
    private static final int ROWS = 60;
    private static final long WINDOW = 100;
    private static final long TILE = 16;
    private static final String QUESTION =
            "{\"by_arrival\": false, \"groups\": [{\"belongs\": \"_in1\", \"partials\": [{\"kind\": \"sum\","
                    + " \"argument\": \"x\", \"size\": 0, \"label\": \"total\"}]}], \"windows\": ["
                    + "{\"group\": 0, \"partials\": [0], \"of_write\": false, \"before_us\": " + WINDOW
                    + ", \"start_tile_us\": null, \"lag_us\": 0, \"end_tile_us\": null},"
                    + "{\"group\": 0, \"partials\": [], \"of_write\": false, \"before_us\": " + WINDOW
                    + ", \"start_tile_us\": " + TILE + ", \"lag_us\": 0, \"end_tile_us\": " + TILE + "}]}";
    private static final String ANSWER =
            "ROW<`_row` BIGINT, `_seen_us` BIGINT, `_cell1` ROW<`n` BIGINT, `sum_x` BIGINT>, `_cell2` ROW<`n` BIGINT>>";

    private TableEnvironment env;

    @BeforeEach
    void rows() {
        env = SqlJobs.environment();
        numbers("numbers", EVENTS);
        numbers("asked", ROWS);
        env.executeSql(
                "CREATE TEMPORARY VIEW rows_ AS SELECT CAST(NULL AS BIGINT) AS _row, i AS _us, i AS _arrival_us,"
                        + " 0 AS _src_partition, i AS _src_offset, MOD(i, 3) AS k, TRUE AS _in1, i * 7 AS x"
                        + " FROM numbers UNION ALL SELECT i, i * 10, CAST(NULL AS BIGINT), CAST(NULL AS INT),"
                        + " CAST(NULL AS BIGINT), CASE WHEN MOD(i, 5) = 4 THEN NULL ELSE MOD(i, 5) END,"
                        + " CAST(NULL AS BOOLEAN), CAST(NULL AS BIGINT) FROM asked");
    }

    private void numbers(String name, int n) {
        env.executeSql(
                "CREATE TEMPORARY TABLE " + name + " (i BIGINT) WITH ('connector'='datagen', 'number-of-rows'='" + n
                        + "', 'fields.i.kind'='sequence', 'fields.i.start'='0', 'fields.i.end'='" + (n - 1) + "')");
    }

    private static String query(String question) {
        return "SELECT _row, _seen_us, _cell1, _cell2 FROM HR_POINT_IN_TIME(asked => TABLE rows_ PARTITION BY k,"
                + " question => '" + question + "', answer => '" + ANSWER + "', uid => 'point_in_time')";
    }

    @Test
    void everyRowOfTheSpineIsAnsweredOnceAtTheEnd() throws Exception {
        assertAnswers(SqlJobs.collect(env, query(QUESTION)));
    }

    @Test
    void aCompiledPlanGivesTheSame(@TempDir Path folder) throws Exception {
        CollectingSinkFactory.rows("answers").clear();
        env.executeSql(
                "CREATE TEMPORARY TABLE answers (_row BIGINT, _seen_us BIGINT, _cell1 ROW<n BIGINT, sum_x BIGINT>,"
                        + " _cell2 ROW<n BIGINT>) WITH ('connector'='test-append', 'name'='answers')");
        Path file = folder.resolve("plan.json");
        env.executeSql("COMPILE PLAN 'file://" + file + "' FOR INSERT INTO answers " + query(QUESTION));
        env.loadPlan(PlanReference.fromFile(file)).execute().await();
        assertAnswers(CollectingSinkFactory.rows("answers"));
    }

    @Test
    void anUnknownPartialIsRefusedByName() {
        String wrong = query(QUESTION.replace("\"sum\"", "\"median\""));
        assertThatThrownBy(() -> SqlJobs.collect(env, wrong)).rootCause().hasMessageContaining("median");
    }

    private static void assertAnswers(List<Row> found) {
        List<Row> sorted = found.stream().sorted(Comparator.comparing(row -> row.<Long>getFieldAs(0))).toList();
        assertThat(sorted).isEqualTo(IntStream.range(0, ROWS).mapToObj(PointInTimeSqlTest::answer).toList());
    }

    /** By a plain loop over the events. */
    private static Row answer(int row) {
        long t = row * 10L;
        long k = row % 5;
        List<Long> known = IntStream.range(0, EVENTS).mapToObj(i -> (long) i).filter(i -> i % 3 == k && i < t).toList();
        if (known.isEmpty()) {
            return Row.of((long) row, null, null, null);
        }
        List<Long> exact = known.stream().filter(i -> i >= t - WINDOW).toList();
        Long sum = exact.isEmpty() ? null : exact.stream().mapToLong(i -> i * 7).sum();
        long start = Math.floorDiv(t - WINDOW, TILE) * TILE;
        long tiled = known.stream().filter(i -> i >= start && i < t / TILE * TILE).count();
        return Row.of((long) row, known.get(known.size() - 1), Row.of((long) exact.size(), sum), Row.of(tiled));
    }
}
