package io.headrace.flink.asof;

import java.util.List;
import java.util.Map;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.annotation.JsonProperty;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/**
 * Which dimension is looked up, and what of it.
 *
 * @param dimension its name, for people
 * @param table the options of a Flink table of Iceberg's connector, with {@code snapshot-id}
 * @param key the columns of the key, in the order of the arguments
 * @param eventTime the column that says since when a version is valid; NULL of a look-up table, whose rows always are
 * @param delay how long after that it is in effect, in µs
 * @param until the time, in µs, to which the snapshot is complete; NULL: to every time
 * @param columns what is looked up, in the order of the answer
 * @param mostRows how many versions may be held in memory; NULL: any number
 * @param following where newer snapshots are, and how long an event waits for one; NULL: none is looked for
 */
record AsOfQuestion(
        @JsonProperty("dimension") String dimension,
        @JsonProperty("table") Map<String, String> table,
        @JsonProperty("key") List<String> key,
        @JsonProperty("event_time") String eventTime,
        @JsonProperty("delay_us") long delay,
        @JsonProperty("until_us") Long until,
        @JsonProperty("columns") List<String> columns,
        @JsonProperty("most_rows") Long mostRows,
        @JsonProperty("following") Following following) {

    /**
     * How newer snapshots are followed.
     *
     * @param table the options of a Flink table of Iceberg's connector: that which the dimension's owner writes
     * @param patienceMs how long, in ms, an event waits for a snapshot that is complete to it
     */
    record Following(
            @JsonProperty("table") Map<String, String> table,
            @JsonProperty("patience_ms") long patienceMs) {}

    static AsOfQuestion parse(String json) {
        try {
            return new ObjectMapper().readValue(json, AsOfQuestion.class);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("no question", e);
        }
    }
}
