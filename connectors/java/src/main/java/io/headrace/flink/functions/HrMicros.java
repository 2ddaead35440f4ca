package io.headrace.flink.functions;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.functions.ScalarFunction;

/** {@code HR_MICROS(TIMESTAMP_LTZ(6)) -> BIGINT}: microseconds since 1970-01-01T00:00:00Z; NULL for NULL. */
public final class HrMicros extends ScalarFunction {

    private static final long MICROS_PER_MILLI = 1_000L;
    private static final int NANOS_PER_MICRO = 1_000;

    public Long eval(
            @DataTypeHint(value = "TIMESTAMP_LTZ(6)", bridgedTo = TimestampData.class)
                    TimestampData instant) {
        if (instant == null) {
            return null;
        }
        return instant.getMillisecond() * MICROS_PER_MILLI
                + instant.getNanoOfMillisecond() / NANOS_PER_MICRO;
    }
}
