package io.headrace.flink.functions;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * {@code HR_FLOOR_DIV(BIGINT a, BIGINT b, STRING label) -> BIGINT}: a by b, rounded down; NULL when either is NULL or
 * b is 0.
 *
 * <p>The least BIGINT by -1 is an {@link ArithmeticException} that names the label.
 */
public final class HrFloorDiv extends ScalarFunction {

    public Long eval(
            Long a,
            Long b,
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData label) {
        if (a == null || b == null || b == 0) {
            return null;
        }
        if (a == Long.MIN_VALUE && b == -1) {
            throw Overflow.of(label, a + " // " + b);
        }
        return Math.floorDiv(a, b);
    }
}
