package io.headrace.flink.functions;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * {@code HR_LIKE(STRING text, STRING pattern) -> BOOLEAN}: whether the whole text is like the pattern, in which
 * {@code %} stands for any characters and {@code _} for one code point; nothing escapes. NULL when either is NULL.
 *
 * <p>In Flink's own LIKE {@code _} is no line feed.
 */
public final class HrLike extends ScalarFunction {

    public Boolean eval(
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData text,
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData pattern) {
        return text == null || pattern == null
                ? null
                : (Boolean) matches(points(text), points(pattern));
    }

    private static int[] points(StringData text) {
        return text.toString().codePoints().toArray();
    }

    /** Goes on from the last {@code %}, one character later, whenever what follows it does not match. */
    private static boolean matches(int[] text, int[] pattern) {
        int at = 0;
        int p = 0;
        int any = -1;
        int from = 0;
        while (at < text.length) {
            if (p < pattern.length && pattern[p] == '%') {
                any = p++;
                from = at;
            } else if (p < pattern.length && (pattern[p] == '_' || pattern[p] == text[at])) {
                p++;
                at++;
            } else if (any >= 0) {
                p = any + 1;
                at = ++from;
            } else {
                return false;
            }
        }
        while (p < pattern.length && pattern[p] == '%') {
            p++;
        }
        return p == pattern.length;
    }
}
