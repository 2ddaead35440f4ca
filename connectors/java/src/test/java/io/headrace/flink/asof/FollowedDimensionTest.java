package io.headrace.flink.asof;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headrace.flink.asof.AsOfQuestion.Following;
import io.headrace.flink.asof.Dimension.Version;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.junit.jupiter.api.Test;

/** An event that is beyond a snapshot waits for one that is complete to it, and not for ever. */
class FollowedDimensionTest {

    private static final Object[] KEY = {1L};
    private static final long DELAY = 3;
    private static final long UNTIL = 10;

    private int renewals;

    private static AsOfQuestion question(Following following) {
        return new AsOfQuestion("Shops", Map.of(), List.of("k"), "since", DELAY, UNTIL, List.of("x"), null, following);
    }

    private static AsOfQuestion patient(long patienceMs) {
        Map<String, String> table = Map.of("catalog-database", "ref", "catalog-table", "shops");
        return question(new Following(table, patienceMs));
    }

    /** A version from the start, and one from where the first snapshot ends. */
    private static Dimension snapshot(AsOfQuestion question, long number, long until) {
        List<Version> versions = new ArrayList<>();
        for (long from = 0; from <= until; from += UNTIL + DELAY + 1) {
            versions.add(new Version(from, 0, from, new Object[] {from}));
        }
        return Dimension.of(question, number, until, new HashMap<>(Map.of(KEY[0], versions)));
    }

    private Dimension laterEachTime(AsOfQuestion question, Dimension held) {
        renewals++;
        return snapshot(question, renewals, UNTIL + 5L * renewals);
    }

    private FollowedDimension followed(AsOfQuestion question, SharedDimension.Renewal renewal) throws IOException {
        // A holder of its own for each test: what is shared is told by the text of the question.
        String text = "{\"columns\": [\"x\"], \"delay_us\": " + DELAY + ", \"dimension\": \"" + System.nanoTime() + "\"}";
        SharedDimension shared = SharedDimension.acquire(
                text, unused -> snapshot(question, 0, UNTIL), (unused, held) -> renewal.of(question, held));
        return new FollowedDimension(question, shared, Duration.ofMillis(600));
    }

    private static RowData row(boolean beyond, Object x) {
        return GenericRowData.of(beyond, x);
    }

    @Test
    void anEventWithinTheSnapshotDoesNotLook() throws Exception {
        try (FollowedDimension dimension = followed(patient(60_000), this::laterEachTime)) {
            assertThat(dimension.seen(KEY, UNTIL + DELAY)).isEqualTo(row(false, 0L));
            assertThat(dimension.seen(KEY, null)).isEqualTo(row(false, null));
            assertThat(renewals).isZero();
        }
    }

    @Test
    void anEventBeyondWaitsUntilASnapshotIsCompleteToIt() throws Exception {
        try (FollowedDimension dimension = followed(patient(60_000), this::laterEachTime)) {
            assertThat(dimension.seen(KEY, UNTIL + DELAY + 6)).isEqualTo(row(false, UNTIL + DELAY + 1));
            assertThat(renewals).isEqualTo(2);
            assertThat(dimension.waitedMs()).isZero();
        }
    }

    @Test
    void anEventWaitsNoLongerThanIsSaidAndThenTellsWhatIsMissing() throws Exception {
        try (FollowedDimension dimension = followed(patient(100), (question, held) -> held)) {
            assertThatThrownBy(() -> dimension.seen(KEY, UNTIL + DELAY + 1))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("dimension Shops (Iceberg table ref.shops) is complete to"
                            + " 1970-01-01T00:00:00.000010Z, an event of 1970-01-01T00:00:00.000014Z needs it to"
                            + " 1970-01-01T00:00:00.000011Z; waited for")
                    .hasMessageContaining("headrace.complete-to");
        }
    }

    @Test
    void aDimensionThatIsNotFollowedSaysThatAnEventIsBeyond() throws Exception {
        try (FollowedDimension dimension = followed(question(null), this::laterEachTime)) {
            assertThat(dimension.seen(KEY, UNTIL + DELAY + 1)).isEqualTo(row(true, null));
            assertThat(renewals).isZero();
        }
    }

    @Test
    void whatIsNotedIsAnInstantWithItsOffset() {
        assertThat(Completeness.parse("1970-01-01T01:00:00.000007+01:00")).isEqualTo(7);
        assertThatThrownBy(() -> Completeness.parse("tomorrow")).hasMessageContaining("expected an instant such as");
    }
}
