package io.headrace.flink.kafka;

import org.apache.flink.table.data.TimestampData;

/** Microseconds since 1970 and Flink's timestamps; only the years 1 to 9999 are times. */
final class Instants {

    /** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z: what every store beside Flink can hold. */
    static final long MIN_MICROS = -62_135_596_800_000_000L;

    static final long MAX_MICROS = 253_402_300_799_999_999L;

    private static final long MICROS_PER_MILLI = 1_000L;
    private static final int NANOS_PER_MICRO = 1_000;

    private Instants() {}

    static boolean isTime(long micros) {
        return micros >= MIN_MICROS && micros <= MAX_MICROS;
    }

    static TimestampData ofMicros(long micros) {
        long millis = Math.floorDiv(micros, MICROS_PER_MILLI);
        int nanos = (int) Math.floorMod(micros, MICROS_PER_MILLI) * NANOS_PER_MICRO;
        return TimestampData.fromEpochMillis(millis, nanos);
    }
}
