package io.headrace.flink.functions;

import org.apache.flink.table.functions.ScalarFunction;

/** {@code HR_FLOOR_MOD(a, b)} of two BIGINT or two DOUBLE: the rest of a // b, with b's sign; NULL for NULL or b = 0. */
public final class HrFloorMod extends ScalarFunction {

    public Long eval(Long a, Long b) {
        return a == null || b == null || b == 0 ? null : (Long) Math.floorMod(a, b);
    }

    public Double eval(Double a, Double b) {
        if (a == null || b == null || b == 0) {
            return null;
        }
        double rest = a % b;
        return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    }
}
