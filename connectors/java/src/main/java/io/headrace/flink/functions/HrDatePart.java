package io.headrace.flink.functions;

import java.time.LocalDate;
import java.time.temporal.ChronoField;
import java.time.temporal.IsoFields;
import java.time.temporal.TemporalField;
import java.util.Map;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * {@code HR_DATE_PART(BIGINT us, STRING part) -> BIGINT}: a field of the day, in UTC, that holds the instant so many
 * microseconds after 1970-01-01T00:00:00Z; NULL for NULL.
 */
public final class HrDatePart extends ScalarFunction {

    private static final long MICROS_PER_DAY = 86_400_000_000L;

    private static final Map<String, TemporalField> PARTS =
            Map.of(
                    "YEAR", ChronoField.YEAR,
                    "MONTH", ChronoField.MONTH_OF_YEAR,
                    "DAY", ChronoField.DAY_OF_MONTH,
                    "DAY_OF_YEAR", ChronoField.DAY_OF_YEAR,
                    "DAY_OF_QUARTER", IsoFields.DAY_OF_QUARTER,
                    "ISO_YEAR", IsoFields.WEEK_BASED_YEAR,
                    "ISO_WEEK", IsoFields.WEEK_OF_WEEK_BASED_YEAR);

    public Long eval(
            Long us, @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData part) {
        if (us == null) {
            return null;
        }
        return LocalDate.ofEpochDay(Math.floorDiv(us, MICROS_PER_DAY)).getLong(PARTS.get(part.toString()));
    }
}
