package io.headrace.flink.functions;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.InputGroup;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * {@code HR_ALL_FINITE(ARRAY<DOUBLE>) -> BOOLEAN}: whether no element is NaN or infinite; {@code
 * HR_ALL_FINITE(ARRAY<ROW>, STRING path)} asks a part of each element. What is NULL is neither.
 */
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

    public Boolean eval(@DataTypeHint(inputGroup = InputGroup.ANY) Object elements, String path) {
        return elements == null
                || Parts.of((Object[]) elements, path)
                        .allMatch(part -> part == Parts.MISSING || Double.isFinite((Double) part));
    }
}
