package io.headrace.flink.functions;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.datasketches.memory.Memory;
import org.apache.datasketches.theta.CompactSketch;
import org.apache.flink.table.api.PlanReference;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The aggregates as the main job runs them: levels by UNNEST, grouped by key, level and tile, in two phases. */
class TileAggregatesSqlTest {

    private static final int ROWS = 2_000;
    private static final long LEVEL = 1_000L;

    private static final String TILES =
            "SELECT k, level, HR_SUB(us, MOD(us, level), 'tile_start') AS tile_start, COUNT(*) AS n,"
                    + " HR_SUM_OF(SUM(x), SUM(x / CAST(4294967296 AS BIGINT)), 'view.total') AS sum_x,"
                    + " HR_MOMENTS(CAST(x AS DOUBLE)) AS moments_x,"
                    + " HR_LAST(name, us, 0, i) AS last_name, HR_LAST(x, us, 0, i) AS last_x,"
                    + " HR_LAST(ts, us, 0, i) AS last_ts, HR_DISTINCT(name) AS distinct_name,"
                    + " HR_DISTINCT(x) AS distinct_x, HR_BUCKETS(CAST(x AS DOUBLE)) AS buckets_x,"
                    + " HR_TALLY(name) AS tally_name"
                    + " FROM events CROSS JOIN UNNEST(ARRAY[CAST(" + LEVEL + " AS BIGINT), CAST(" + 2 * LEVEL
                    + " AS BIGINT)]) AS levels (level)"
                    + " GROUP BY k, level, HR_SUB(us, MOD(us, level), 'tile_start')";

    private TableEnvironment env;

    @BeforeEach
    void events() {
        env = SqlJobs.environment();
        SqlJobs.set(env, "table.exec.mini-batch.size", "500");
        env.executeSql(
                "CREATE TEMPORARY TABLE numbers (i BIGINT) WITH ('connector'='datagen', 'number-of-rows'='" + ROWS
                        + "', 'fields.i.kind'='sequence', 'fields.i.start'='0', 'fields.i.end'='" + (ROWS - 1) + "')");
        env.executeSql(
                "CREATE TEMPORARY VIEW events AS SELECT i, CAST(MOD(i, 3) AS BIGINT) AS k, i AS us, i * 7 AS x,"
                        + " CASE WHEN MOD(i, 5) = 4 THEN CAST(NULL AS STRING)"
                        + " ELSE CONCAT('n', CAST(MOD(i, 11) AS STRING)) END AS name,"
                        + " TO_TIMESTAMP_LTZ(i, 3) AS ts FROM numbers");
    }

    @Test
    void everyTileHoldsWhatItsEventsSay() throws Exception {
        assertTiles(newest(SqlJobs.collect(env, TILES)));
    }

    @Test
    void aCompiledPlanGivesTheSame(@TempDir Path folder) throws Exception {
        CollectingSinkFactory.rows("tiles").clear();
        env.executeSql(
                "CREATE TEMPORARY TABLE sink_tiles (k BIGINT, level BIGINT, tile_start BIGINT, n BIGINT, sum_x BIGINT,"
                        + " moments_x ROW<n BIGINT, mean DOUBLE, m2 DOUBLE>,"
                        + " last_name ROW<`value` STRING, us BIGINT, `partition` INT, `offset` BIGINT>,"
                        + " last_x ROW<`value` BIGINT, us BIGINT, `partition` INT, `offset` BIGINT>,"
                        + " last_ts ROW<`value` TIMESTAMP_LTZ(3), us BIGINT, `partition` INT, `offset` BIGINT>,"
                        + " distinct_name BYTES, distinct_x BYTES, buckets_x BYTES, tally_name BYTES)"
                        + " WITH ('connector'='headrace-append', 'delegate.connector'='test-append',"
                        + " 'delegate.name'='tiles')");
        Path file = folder.resolve("plan.json");
        env.executeSql("COMPILE PLAN 'file://" + file + "' FOR INSERT INTO sink_tiles " + TILES);
        env.loadPlan(PlanReference.fromFile(file)).execute().await();
        assertTiles(newest(CollectingSinkFactory.rows("tiles")));
    }

    @Test
    void anOverflowNamesTheFeature() {
        String big = "SELECT k, HR_SUM_OF(SUM(y), SUM(y / CAST(4294967296 AS BIGINT)), 'view.total') FROM"
                + " (SELECT k, x + 9223372036854700000 AS y FROM events) GROUP BY k";
        assertThatThrownBy(() -> SqlJobs.collect(env, big)).rootCause().hasMessageContaining("view.total");
    }

    private static Map<List<Object>, Row> newest(List<Row> rows) {
        Map<List<Object>, Row> tiles = new HashMap<>();
        for (Row row : rows) {
            List<Object> key = List.of(row.getField(0), row.getField(1), row.getField(2));
            tiles.merge(key, row, (a, b) -> (long) a.getField(3) > (long) b.getField(3) ? a : b);
        }
        return tiles;
    }

    private static void assertTiles(Map<List<Object>, Row> tiles) {
        assertThat(tiles).hasSize(3 * (int) (ROWS / LEVEL + ROWS / LEVEL / 2));
        tiles.forEach((key, row) -> {
            long start = (long) key.get(2);
            new Expected((long) key.get(0), start, start + (long) key.get(1)).check(row);
        });
    }

    /** The same aggregates by a plain loop over the events of one tile. */
    private record Expected(long k, long from, long to) {

        void check(Row row) {
            long n = 0;
            long sum = 0;
            long lastI = -1;
            java.util.Set<String> names = new java.util.HashSet<>();
            HrBuckets buckets = new HrBuckets();
            HrTally tally = new HrTally();
            RowData rounded = buckets.createAccumulator();
            RowData counted = tally.createAccumulator();
            for (long i = from; i < to; i++) {
                if (i % 3 == k) {
                    n++;
                    sum += i * 7;
                    lastI = i;
                    buckets.accumulate(rounded, i * 7.0);
                    if (i % 5 != 4) {
                        names.add("n" + i % 11);
                        tally.accumulate(counted, StringData.fromString("n" + i % 11));
                    }
                }
            }
            assertThat(row.getField(3)).isEqualTo(n);
            assertThat(row.getField(4)).isEqualTo(sum);
            Row moments = (Row) row.getField(5);
            assertThat(moments.getField(0)).isEqualTo(n);
            assertThat((double) moments.getField(1)).isCloseTo((double) sum / n, within(1e-6));
            String lastName = lastI % 5 == 4 ? null : "n" + lastI % 11;
            assertThat(row.getField(6)).isEqualTo(Row.of(lastName, lastI, 0, lastI));
            assertThat(row.getField(7)).isEqualTo(Row.of(lastI * 7, lastI, 0, lastI));
            assertThat(((Row) row.getField(8)).getField(0)).isEqualTo(java.time.Instant.ofEpochMilli(lastI));
            assertThat(distinct(row.getField(9))).isEqualTo(names.size());
            assertThat(distinct(row.getField(10))).isEqualTo(n);
            assertThat(row.getField(11)).isEqualTo(buckets.getValue(rounded));
            assertThat(row.getField(12)).isEqualTo(tally.getValue(counted));
        }

        private static double distinct(Object sketch) {
            return CompactSketch.heapify(Memory.wrap((byte[]) sketch)).getEstimate();
        }
    }
}
