package io.headrace.flink.functions;

import org.apache.flink.table.data.StringData;

/** The one wording of an integer overflow: which feature, what was computed, what to do. */
final class Overflow {

    private Overflow() {}

    static ArithmeticException of(StringData label, String computation, Throwable cause) {
        ArithmeticException error = of(label, computation);
        error.initCause(cause);
        return error;
    }

    static ArithmeticException of(StringData label, String computation) {
        return new ArithmeticException(
                "feature '" + label + "': " + computation + " does not fit into a BIGINT (64 bits);"
                        + " scale the column down or declare it as a float");
    }
}
