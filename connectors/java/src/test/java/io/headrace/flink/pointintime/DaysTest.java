package io.headrace.flink.pointintime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headrace.flink.pointintime.Days.Run;
import io.headrace.flink.pointintime.Question.Window;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Days of a zone: one of 23 hours, one without a moment, the first, and the last. */
class DaysTest {

    private static final long HOUR = 3_600_000_000L;
    private static final long DAY = 24 * HOUR;

    /** Day 12 is an hour short, and day 20 was skipped, so that it began when day 21 did. */
    private static final Days DAYS =
            new Days(
                    "Here",
                    List.of(
                            new Run(10, 13, 5 * HOUR),
                            new Run(13, 20, 4 * HOUR),
                            new Run(20, 21, 4 * HOUR),
                            new Run(21, 30, -20 * HOUR)));

    @ParameterizedTest
    @CsvSource({
        "12, 5, 0, 12, 5", "13, 4, 0, 13, 4", "13, 3, 0, 12, 5", "13, 4, 1, 12, 5", "14, 3, 2, 11, 5",
        "20, 4, 0, 20, 4", "20, 5, 1, 20, 4", "20, 5, 2, 19, 4", "19, 30, 0, 20, 4", "10, 6, 9, 10, 5"
    })
    void aDayBegan(long day, long hour, long back, long begunDay, long begunHour) {
        assertThat(DAYS.began(day * DAY + hour * HOUR, back)).isEqualTo(begunDay * DAY + begunHour * HOUR);
    }

    @Test
    void aMomentBeforeADayIsOfTheDayBefore() {
        assertThat(DAYS.began(12 * DAY + 5 * HOUR - 1, 0)).isEqualTo(11 * DAY + 5 * HOUR);
    }

    /** Just after it it is tomorrow. */
    @Test
    void aWriteIsOfTheDayOfItsEvent() {
        Window yesterday = new Window(0, List.of(), true, 2 * DAY, null, DAY, null, "Here");
        long lastOfToday = 12 * DAY + 5 * HOUR - 1;
        assertThat(yesterday.start(20 * DAY, lastOfToday, Map.of("Here", DAYS))).isEqualTo(10 * DAY + 5 * HOUR);
        assertThat(yesterday.end(20 * DAY, lastOfToday, Map.of("Here", DAYS))).isEqualTo(11 * DAY + 5 * HOUR);
    }

    @Test
    void beforeAllDaysAWindowHoldsNothing() {
        assertThat(DAYS.began(9 * DAY, 3)).isEqualTo(9 * DAY);
    }

    @Test
    void nothingIsKnownAfterTheLastDay() {
        assertThatThrownBy(() -> DAYS.began(30 * DAY, 0)).hasMessageContaining("in Here are known until 2100 only");
    }
}
