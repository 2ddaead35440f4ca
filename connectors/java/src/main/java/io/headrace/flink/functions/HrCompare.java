package io.headrace.flink.functions;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * {@code HR_COMPARE(STRING a, STRING b) -> INT}: below, equal to or above 0 as a is before, equal to or after b by code
 * points; NULL when either is NULL.
 *
 * <p>Flink's own {@code <} orders by UTF-8 or by UTF-16, as the string happens to be held, and the two differ where one
 * has a character beyond U+FFFF.
 */
public final class HrCompare extends ScalarFunction {

    public Integer eval(
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData a,
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData b) {
        return a == null || b == null ? null : (Integer) compare(a.toString(), b.toString());
    }

    private static int compare(String a, String b) {
        int same = 0;
        while (same < a.length() && same < b.length() && a.charAt(same) == b.charAt(same)) {
            same++;
        }
        if (same == a.length() || same == b.length()) {
            return Integer.compare(a.length(), b.length());
        }
        return Integer.compare(rank(a.charAt(same)), rank(b.charAt(same)));
    }

    /** A UTF-16 unit in the order of code points: surrogates stand for characters beyond all others. */
    private static int rank(char unit) {
        return Character.isSurrogate(unit) ? unit + Character.MAX_VALUE : unit;
    }
}
