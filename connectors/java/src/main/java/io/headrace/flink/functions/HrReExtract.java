package io.headrace.flink.functions;

import com.google.re2j.Matcher;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * {@code HR_RE_EXTRACT(STRING text, STRING pattern, INT group) -> STRING}: a group of the first match, 0 for the whole;
 * empty where the group took no part, NULL where nothing matches or an argument is NULL.
 */
public final class HrReExtract extends ScalarFunction {

    private static final StringData NOTHING = StringData.fromString("");

    private final PatternCache patterns = new PatternCache();

    @DataTypeHint(value = "STRING", bridgedTo = StringData.class)
    public StringData eval(
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData text,
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData pattern,
            Integer group) {
        if (text == null || pattern == null || group == null) {
            return null;
        }
        Matcher matcher = patterns.matcher(pattern, text);
        if (!matcher.find()) {
            return null;
        }
        String found = matcher.group(group);
        return found == null ? NOTHING : StringData.fromString(found);
    }
}
