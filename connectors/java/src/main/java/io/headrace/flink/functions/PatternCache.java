package io.headrace.flink.functions;

import com.google.re2j.Matcher;
import com.google.re2j.Pattern;
import java.io.Serializable;
import org.apache.flink.table.data.StringData;

/** The last pattern, compiled: a call has one pattern for all of its rows. */
final class PatternCache implements Serializable {

    private static final long serialVersionUID = 1L;

    private transient StringData text;
    private transient Pattern pattern;

    Matcher matcher(StringData regex, StringData input) {
        if (!regex.equals(text)) {
            text = StringData.fromString(regex.toString());
            pattern = Pattern.compile(regex.toString());
        }
        return pattern.matcher(input.toString());
    }
}
