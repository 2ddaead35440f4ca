package io.headrace.flink.functions;

import org.apache.flink.table.functions.ScalarFunction;

/** {@code HR_FINITE(DOUBLE) -> DOUBLE}: the number itself; NULL for NULL, NaN and infinities. */
public final class HrFinite extends ScalarFunction {

    public Double eval(Double x) {
        return x == null || !Double.isFinite(x) ? null : x;
    }
}
