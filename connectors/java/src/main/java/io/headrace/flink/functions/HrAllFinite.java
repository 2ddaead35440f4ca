package io.headrace.flink.functions;

import org.apache.flink.table.functions.ScalarFunction;

/** {@code HR_ALL_FINITE(ARRAY<DOUBLE>) -> BOOLEAN}: whether no element is NaN or infinite; NULL elements are neither. */
public final class HrAllFinite extends ScalarFunction {

    public Boolean eval(Double[] elements) {
        if (elements == null) {
            return true;
        }
        for (Double element : elements) {
            if (element != null && !Double.isFinite(element)) {
                return false;
            }
        }
        return true;
    }
}
