package io.headrace.flink.functions;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * {@code HR_TO_BIGINT(DOUBLE x, STRING label) -> BIGINT}: x without its fraction; NULL for NULL, NaN and infinities.
 *
 * <p>Beyond 64 bits it is an {@link ArithmeticException} that names the label.
 */
public final class HrToBigint extends ScalarFunction {

    private static final double LIMIT = 0x1p63;

    public Long eval(
            Double x, @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData label) {
        if (x == null || !Double.isFinite(x)) {
            return null;
        }
        if (x < -LIMIT || x >= LIMIT) {
            throw Overflow.of(label, x + " as an integer");
        }
        return (long) x.doubleValue();
    }
}
