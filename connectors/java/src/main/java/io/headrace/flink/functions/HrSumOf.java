package io.headrace.flink.functions;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * {@code HR_SUM_OF(SUM(x), SUM(x / CAST(4294967296 AS BIGINT)), label) -> BIGINT}: the exact sum of integers, at the
 * price of two built-in sums; NULL when there is nothing to add.
 *
 * <p>{@code SUM(x)} is the true sum modulo 2^64. {@code SUM(x / 2^32)} (division truncates toward zero) leaves
 * a rest of less than 2^32 for each value, so for fewer than 2^31 values in a group the two determine the true
 * sum. If that is not the wrapped one, {@link ArithmeticException} names the label.
 */
public final class HrSumOf extends ScalarFunction {

    private static final int HALF = 32;

    public Long eval(
            Long wrapped,
            Long quotients,
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData label) {
        if (wrapped == null || quotients == null) {
            return null;
        }
        long rest = wrapped - (quotients << HALF);
        long high = quotients + (rest >> HALF);
        if (high != wrapped >> HALF) {
            throw Overflow.of(label, "a sum of about " + quotients + " * 2^32");
        }
        return wrapped;
    }
}
