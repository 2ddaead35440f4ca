package io.headrace.flink.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IsoTimeTest {

    private static final IsoTime STRICT = new IsoTime(null);
    private static final IsoTime ZURICH = new IsoTime(ZoneId.of("Europe/Zurich"));

    private static long parse(IsoTime iso, String text) {
        char[] padded = ("xx" + text + "yy").toCharArray();
        return iso.parse(padded, 2, text.length());
    }

    private static long micros(String instant) {
        Instant parsed = Instant.parse(instant);
        return parsed.getEpochSecond() * 1_000_000 + parsed.getNano() / 1_000;
    }

    @ParameterizedTest
    @CsvSource({
        "2013-01-31T23:59:59.123456Z, 2013-01-31T23:59:59.123456Z",
        "2013-01-31 23:59:59Z, 2013-01-31T23:59:59Z",
        "2013-01-31 23:59:59.5+01:00, 2013-01-31T22:59:59.5Z",
        "2013-01-31T23:59Z, 2013-01-31T23:59:00Z",
        "2013-01-31T23:59:59+0530, 2013-01-31T18:29:59Z",
        "2013-01-31T23:59:59-08, 2013-02-01T07:59:59Z",
        "2013-01-31T23:59:59.123456789Z, 2013-01-31T23:59:59.123456Z",
        "1969-12-31T23:59:59.9999999Z, 1969-12-31T23:59:59.999999Z",
        "2000-02-29T00:00:00Z, 2000-02-29T00:00:00Z",
        "2013-01-31T23:59:59+01:00:30, 2013-01-31T22:59:29Z",
        "2013-01-31t23:59:59z, 2013-01-31T23:59:59Z",
        "0001-01-01T00:00:00Z, 0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z, 9999-12-31T23:59:59.999999Z"
    })
    void readsTheInstant(String text, String instant) {
        assertThat(parse(STRICT, text)).isEqualTo(micros(instant));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "", "2013", "2013-01-31", "2013-01-31T23:59:59", "2013-02-29T00:00:00Z", "2013-13-01T00:00:00Z",
                "2013-01-31T25:00:00Z", "2013-01-31T23:60:00Z", "2013-01-31T23:59:60Z",
                "2013-01-31T23:59:59.1234567890Z", "2013-01-31T23:59:59+25:00", "2013-01-31T23:59:59Zjunk",
                "+12013-01-31T23:59:59Z", "10000-01-01T00:00:00Z", "0000-12-31T00:00:00Z", "1700000000",
                "2013-01-31T23:59:59 Z"
            })
    void refusesWhatIsNoInstant(String text) {
        assertThat(parse(STRICT, text)).isEqualTo(IsoTime.NONE);
    }

    @ParameterizedTest
    @CsvSource({
        "2013-07-01T12:00:00, 2013-07-01T10:00:00Z",
        "2013-01-01 12:00:00.25, 2013-01-01T11:00:00.25Z",
        "2013-03-31T02:30:00, 2013-03-31T01:30:00Z",
        "2013-10-27T02:30:00, 2013-10-27T00:30:00Z",
        "2013-07-01T12:00:00Z, 2013-07-01T12:00:00Z"
    })
    void aZoneCompletesLocalTimes(String text, String instant) {
        assertThat(parse(ZURICH, text)).isEqualTo(micros(instant));
    }

    @Test
    void agreesWithJavaTimeOnRandomInstants() {
        Random random = new Random(5);
        for (int i = 0; i < 20_000; i++) {
            long micros =
                    Instants.MIN_MICROS + Math.floorMod(random.nextLong(), Instants.MAX_MICROS - Instants.MIN_MICROS);
            Instant instant = Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
            assertThat(parse(STRICT, instant.toString())).isEqualTo(micros);
            ZoneOffset offset = ZoneOffset.ofTotalSeconds((random.nextInt(2 * 18 * 60) - 18 * 60) * 60);
            OffsetDateTime local = instant.atOffset(offset);
            if (local.getYear() >= 1 && local.getYear() <= 9999) {
                assertThat(parse(STRICT, local.toString())).isEqualTo(micros);
                LocalDateTime plain = local.toLocalDateTime();
                assertThat(parse(new IsoTime(offset), plain.toString())).isEqualTo(micros);
            }
        }
    }
}
