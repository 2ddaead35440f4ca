package io.headrace.flink.functions;

import com.google.re2j.Matcher;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * {@code HR_RE_REPLACE(STRING text, STRING pattern, STRING replacement) -> STRING}: the text with every match replaced,
 * from left to right. In the replacement {@code \1} to {@code \9} is a group, empty where it took no part, and
 * {@code \\} a backslash. NULL when an argument is NULL.
 */
public final class HrReReplace extends ScalarFunction {

    private final PatternCache patterns = new PatternCache();

    @DataTypeHint(value = "STRING", bridgedTo = StringData.class)
    public StringData eval(
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData text,
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData pattern,
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData replacement) {
        if (text == null || pattern == null || replacement == null) {
            return null;
        }
        return StringData.fromString(replaced(text.toString(), patterns.matcher(pattern, text), replacement.toString()));
    }

    private static String replaced(String text, Matcher matcher, String replacement) {
        StringBuilder made = new StringBuilder();
        int from = 0;
        while (matcher.find()) {
            made.append(text, from, matcher.start());
            append(made, matcher, replacement);
            from = matcher.end();
        }
        return made.append(text, from, text.length()).toString();
    }

    private static void append(StringBuilder made, Matcher matcher, String replacement) {
        for (int i = 0; i < replacement.length(); i++) {
            char c = replacement.charAt(i);
            if (c != '\\') {
                made.append(c);
                continue;
            }
            char next = replacement.charAt(++i);
            String group = next == '\\' ? "\\" : matcher.group(next - '0');
            made.append(group == null ? "" : group);
        }
    }
}
