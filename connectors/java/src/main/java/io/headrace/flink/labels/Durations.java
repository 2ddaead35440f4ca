package io.headrace.flink.labels;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.annotation.JsonProperty;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/**
 * What a label join waits for, and to which instant its sources are complete, in µs.
 *
 * @param waits how long after the row's time a label is in time
 * @param corrects how long after the row's time a label counts at all
 * @param remembers how long after its newest row an id is kept
 * @param complete the instant up to which all labels are there; NULL on a stream, whose watermark says so
 */
record Durations(
        @JsonProperty("wait_us") long waits,
        @JsonProperty("corrects_us") long corrects,
        @JsonProperty("remembers_us") long remembers,
        @JsonProperty("complete_us") Long complete) {

    private static final long MICROS = 1000;

    static Durations parse(String json) {
        try {
            return new ObjectMapper().readValue(json, Durations.class);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("no durations: " + json, e);
        }
    }

    boolean isInTime(Arrived label, Arrived row) {
        return label.us() < row.us() + waits;
    }

    boolean counts(Arrived label, Arrived row) {
        return label.us() < row.us() + corrects;
    }

    /** Whether the wait for the label of a row can be over at all: a history may end within it. */
    boolean isOver(Arrived row) {
        return complete == null || row.us() + waits <= complete;
    }

    /** The watermark (ms) behind which no label that is in time is expected. */
    long waitedMs(Arrived row) {
        return ceil(row.us() + waits);
    }

    /** The watermark (ms) behind which no row of an id is expected. */
    long forgottenMs(long newest) {
        return ceil(newest + remembers);
    }

    /** A watermark is in ms: the µs up to it have passed when it has. */
    private static long ceil(long micros) {
        return -Math.floorDiv(-micros, MICROS);
    }
}
