package io.headrace.flink.functions;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * {@code HR_RE_SEARCH(STRING text, STRING pattern) -> BOOLEAN}: whether the pattern is somewhere in the text; NULL when
 * either is NULL.
 *
 * <p>Patterns are RE2's, as in DuckDB. Flink's REGEXP is Java's, which takes time without end, or more stack than there
 * is, for some texts.
 */
public final class HrReSearch extends ScalarFunction {

    private final PatternCache patterns = new PatternCache();

    public Boolean eval(
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData text,
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData pattern) {
        return text == null || pattern == null ? null : (Boolean) patterns.matcher(pattern, text).find();
    }
}
