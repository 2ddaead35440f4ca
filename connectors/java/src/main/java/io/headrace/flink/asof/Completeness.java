package io.headrace.flink.asof;

import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;

/** To which time a dimension has all versions, as whoever writes its table notes it. */
final class Completeness {

    /** The property of the table: an instant in ISO 8601, with its offset. */
    static final String NOTED = "headrace.complete-to";

    private Completeness() {}

    /** The µs of an instant. */
    static long parse(String noted) {
        try {
            return ChronoUnit.MICROS.between(Instant.EPOCH, OffsetDateTime.parse(noted).toInstant());
        } catch (DateTimeParseException e) {
            throw new IllegalStateException(
                    "property " + NOTED + " '" + noted + "': expected an instant such as 2013-11-01T12:00:00Z", e);
        }
    }

    /** A time in µs, as text. */
    static String text(long us) {
        return Instant.EPOCH.plus(us, ChronoUnit.MICROS).toString();
    }
}
