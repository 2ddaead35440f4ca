package io.headrace.flink.pointintime;

import java.util.List;
import java.util.Map;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.annotation.JsonProperty;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/**
 * What is asked of the events of every entity: windows over groups of them.
 *
 * @param byArrival whether a row of the spine knows only what had arrived before its time
 * @param groups the groups of events
 * @param windows the windows, in the order of the answer's cells
 * @param days when the days of each zone begin that a window names
 */
record Question(
        @JsonProperty("by_arrival") boolean byArrival,
        @JsonProperty("groups") List<Group> groups,
        @JsonProperty("windows") List<Window> windows,
        @JsonProperty("days") Map<String, Days> days) {

    /**
     * Events that belong together.
     *
     * @param belongs the column that says whether an event is one of them
     * @param partials what is kept of them
     */
    record Group(@JsonProperty("belongs") String belongs, @JsonProperty("partials") List<Kept> partials) {}

    /**
     * A partial of a group.
     *
     * @param kind one of those of {@link Partials}
     * @param argument the column with its argument
     * @param size how many rows are kept, by what keeps several
     * @param label what an overflow names
     */
    record Kept(
            @JsonProperty("kind") String kind,
            @JsonProperty("argument") String argument,
            @JsonProperty("size") int size,
            @JsonProperty("label") String label) {}

    /**
     * The event times from {@code at - before} up to but without {@code at - lag}, each rounded down to a tile, in µs;
     * {@code at} is the row's time, or just after the newest event that it knows.
     *
     * @param group the number of the group
     * @param partials the numbers of the group's partials that the cell has, after the number of events
     * @param ofWrite whether {@code at} is just after the newest event
     * @param before NULL: since ever
     * @param startTile what the start is rounded down to; NULL: to the µs
     * @param lag how long before {@code at} the window ends
     * @param endTile what the end is rounded down to; NULL: to the µs
     * @param zone whose calendar days {@code before} and {@code lag} are, as many times 24 h; NULL: they are no days
     */
    record Window(
            @JsonProperty("group") int group,
            @JsonProperty("partials") List<Integer> partials,
            @JsonProperty("of_write") boolean ofWrite,
            @JsonProperty("before_us") Long before,
            @JsonProperty("start_tile_us") Long startTile,
            @JsonProperty("lag_us") long lag,
            @JsonProperty("end_tile_us") Long endTile,
            @JsonProperty("zone") String zone) {

        long start(long time, long seen, Map<String, Days> days) {
            if (before == null) {
                return Long.MIN_VALUE;
            }
            return zone == null
                    ? floor(at(time, seen) - before, startTile)
                    : days.get(zone).began(today(time, seen), before / Days.LENGTH - 1);
        }

        long end(long time, long seen, Map<String, Days> days) {
            return zone == null || lag == 0
                    ? floor(at(time, seen) - lag, endTile)
                    : days.get(zone).began(today(time, seen), lag / Days.LENGTH - 1);
        }

        /** Just after the newest event it may be tomorrow. */
        private long today(long time, long seen) {
            return ofWrite ? seen : time;
        }

        private long at(long time, long seen) {
            return ofWrite ? seen + 1 : time;
        }

        private static long floor(long micros, Long tile) {
            return tile == null ? micros : Math.floorDiv(micros, tile) * tile;
        }
    }

    static Question parse(String json) {
        try {
            return new ObjectMapper().readValue(json, Question.class);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("no question: " + json, e);
        }
    }
}
