package io.headrace.flink.functions;

import java.util.function.LongBinaryOperator;
import org.apache.flink.table.data.StringData;

/** The one answer to an integer overflow: an error of one wording, with the feature, the numbers and what to do. */
final class Overflow {

    private Overflow() {}

    /** Two numbers by an operation that throws beyond 64 bits; NULL when either is NULL. */
    static Long checked(Long a, Long b, StringData label, char sign, LongBinaryOperator exact) {
        if (a == null || b == null) {
            return null;
        }
        try {
            return exact.applyAsLong(a, b);
        } catch (ArithmeticException e) {
            throw of(label, a + " " + sign + " " + b);
        }
    }

    static ArithmeticException of(StringData label, String computation) {
        return new ArithmeticException(
                "feature '" + label + "': " + computation + " does not fit into a BIGINT (64 bits);"
                        + " scale the column down or declare it as a float");
    }
}
