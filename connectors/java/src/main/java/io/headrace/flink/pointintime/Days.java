package io.headrace.flink.pointintime;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.annotation.JsonCreator;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.annotation.JsonProperty;

/**
 * When the days of a time zone begin, as headrace's Python knows it: Java may have another edition of the zones. Days
 * count from 1970-01-01, times are in µs.
 */
final class Days {

    static final long LENGTH = 86_400_000_000L;

    private final String zone;
    private final TreeMap<Long, Run> byDay = new TreeMap<>();
    /** By when their first day began; of days that began together the last is the one that has moments. */
    private final TreeMap<Long, Run> byTime = new TreeMap<>();

    /** Days from {@code first} to before {@code stop}, each of which begins {@code late} after midnight in UTC. */
    record Run(
            @JsonProperty("first") long first, @JsonProperty("stop") long stop, @JsonProperty("late_us") long late) {

        private long began(long day) {
            return day * LENGTH + late;
        }

        private long dayOf(long us) {
            return Math.min(stop - 1, Math.floorDiv(us - late, LENGTH));
        }
    }

    /** The runs are in order and leave no gap. */
    @JsonCreator
    Days(@JsonProperty("zone") String zone, @JsonProperty("runs") List<Run> runs) {
        this.zone = zone;
        runs.forEach(run -> byDay.put(run.first(), run));
        runs.forEach(run -> byTime.put(run.began(run.first()), run));
    }

    /**
     * When the day began that is so many days before that of an instant. No day is before the first; of an instant
     * before that it is the instant itself, so that a window holds nothing.
     */
    long began(long us, long back) {
        Run last = byDay.lastEntry().getValue();
        if (us >= last.began(last.stop())) {
            throw new IllegalArgumentException("calendar days in " + zone + " are known until 2100 only");
        }
        Map.Entry<Long, Run> today = byTime.floorEntry(us);
        return today == null ? us : began(today.getValue().dayOf(us) - back);
    }

    private long began(long day) {
        long known = Math.max(day, byDay.firstKey());
        return byDay.floorEntry(known).getValue().began(known);
    }
}
