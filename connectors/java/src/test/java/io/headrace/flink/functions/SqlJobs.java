package io.headrace.flink.functions;

import io.headrace.flink.labels.HrLabelJoin;
import io.headrace.flink.pointintime.HrPointInTime;
import io.headrace.flink.tiles.HrTiles;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/** Streaming table environments as the main job has them: parallelism 2, mini-batch, two phases, UTC. */
public final class SqlJobs {

    static final Map<String, Class<?>> FUNCTIONS =
            Map.ofEntries(
                    Map.entry("HR_MICROS", HrMicros.class),
                    Map.entry("HR_ADD", HrAdd.class),
                    Map.entry("HR_SUB", HrSub.class),
                    Map.entry("HR_MUL", HrMul.class),
                    Map.entry("HR_FLOOR_DIV", HrFloorDiv.class),
                    Map.entry("HR_FLOOR_MOD", HrFloorMod.class),
                    Map.entry("HR_TO_BIGINT", HrToBigint.class),
                    Map.entry("HR_FINITE", HrFinite.class),
                    Map.entry("HR_DATE_PART", HrDatePart.class),
                    Map.entry("HR_COMPARE", HrCompare.class),
                    Map.entry("HR_LIKE", HrLike.class),
                    Map.entry("HR_RE_SEARCH", HrReSearch.class),
                    Map.entry("HR_RE_EXTRACT", HrReExtract.class),
                    Map.entry("HR_RE_REPLACE", HrReReplace.class),
                    Map.entry("HR_UPPER", HrUpper.class),
                    Map.entry("HR_LOWER", HrLower.class),
                    Map.entry("HR_SUM_OF", HrSumOf.class),
                    Map.entry("HR_MOMENTS", HrMoments.class),
                    Map.entry("HR_LAST", HrLast.class),
                    Map.entry("HR_DISTINCT", HrDistinct.class),
                    Map.entry("HR_BUCKETS", HrBuckets.class),
                    Map.entry("HR_TALLY", HrTally.class),
                    Map.entry("HR_TILES", HrTiles.class),
                    Map.entry("HR_POINT_IN_TIME", HrPointInTime.class),
                    Map.entry("HR_LABEL_JOIN", HrLabelJoin.class));

    private SqlJobs() {}

    public static TableEnvironment environment() {
        TableEnvironment env = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        set(env, "parallelism.default", "2");
        set(env, "table.local-time-zone", "UTC");
        set(env, "table.exec.mini-batch.enabled", "true");
        set(env, "table.exec.mini-batch.allow-latency", "1 s");
        set(env, "table.exec.mini-batch.size", "5000");
        set(env, "table.optimizer.agg-phase-strategy", "TWO_PHASE");
        FUNCTIONS.forEach(
                (name, type) ->
                        env.executeSql(
                                "CREATE TEMPORARY SYSTEM FUNCTION " + name + " AS '" + type.getName() + "'"));
        return env;
    }

    public static void set(TableEnvironment env, String key, String value) {
        env.getConfig().set(key, value);
    }

    public static List<Row> collect(TableEnvironment env, String query) throws Exception {
        List<Row> rows = new ArrayList<>();
        try (CloseableIterator<Row> result = env.executeSql(query).collect()) {
            result.forEachRemaining(rows::add);
        }
        return rows;
    }
}
