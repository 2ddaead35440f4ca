package io.headrace.flink.functions;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * {@code HR_ADD(BIGINT a, BIGINT b, STRING label) -> BIGINT}: a plus b; NULL when either is NULL.
 *
 * <p>A result beyond 64 bits is an {@link ArithmeticException} that names the label, never a wrong number.
 */
public final class HrAdd extends ScalarFunction {

    public Long eval(
            Long a,
            Long b,
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData label) {
        return Overflow.checked(a, b, label, '+', Math::addExact);
    }
}
