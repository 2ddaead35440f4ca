package io.headrace.flink.labels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class DurationsTest {

    private static final Durations DURATIONS =
            Durations.parse("{\"wait_us\": 1000, \"corrects_us\": 3000, \"remembers_us\": 5000, \"complete_us\": 2000}");

    private static Arrived at(long us) {
        return new Arrived(true, us, 0, 0, null);
    }

    @Test
    void aMicrosecondDecides() {
        assertThat(DURATIONS.isInTime(at(1999), at(1000))).isTrue();
        assertThat(DURATIONS.isInTime(at(2000), at(1000))).isFalse();
        assertThat(DURATIONS.counts(at(3999), at(1000))).isTrue();
        assertThat(DURATIONS.counts(at(4000), at(1000))).isFalse();
    }

    @Test
    void aWaitIsOverWhereTheHistoryReachesItsEndAndOnAStreamAlways() {
        assertThat(DURATIONS.isOver(at(1000))).isTrue();
        assertThat(DURATIONS.isOver(at(1001))).isFalse();
        assertThat(new Durations(1000, 3000, 5000, null).isOver(at(1001))).isTrue();
    }

    @Test
    void theWatermarkHasPassedTheLastMicrosecondInTime() {
        assertThat(DURATIONS.waitedMs(at(1000))).isEqualTo(2);
        assertThat(DURATIONS.waitedMs(at(1001))).isEqualTo(3);
        assertThat(DURATIONS.waitedMs(at(-1001))).isEqualTo(0);
        assertThat(DURATIONS.forgottenMs(1001)).isEqualTo(7);
    }

    @Test
    void whatIsNoDurationsIsQuoted() {
        assertThatThrownBy(() -> Durations.parse("{\"wait\": 1}")).hasMessageContaining("{\"wait\": 1}");
    }
}
