package io.headrace.flink.kafka;

import java.util.Arrays;
import org.apache.flink.table.api.ValidationException;

/** Unit of a numeric time since 1970-01-01T00:00:00Z. */
enum TimeUnitOfNumbers {
    US("us", 1L),
    MS("ms", 1_000L),
    S("s", 1_000_000L);

    private final String text;
    private final long micros;

    TimeUnitOfNumbers(String text, long micros) {
        this.text = text;
        this.micros = micros;
    }

    static TimeUnitOfNumbers parse(String option, String text) {
        return Arrays.stream(values())
                .filter(unit -> unit.text.equals(text))
                .findFirst()
                .orElseThrow(
                        () ->
                                new ValidationException(
                                        "Option '" + option + "' must be us, ms or s, found '" + text + "'."));
    }

    /** Microseconds; {@link ArithmeticException} beyond 64 bits. */
    long toMicros(long number) {
        return Math.multiplyExact(number, micros);
    }
}
