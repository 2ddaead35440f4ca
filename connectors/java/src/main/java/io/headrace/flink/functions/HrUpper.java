package io.headrace.flink.functions;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ScalarFunction;

/** {@code HR_UPPER(STRING) -> STRING}: each character in upper case, as {@link LetterCase} has it; NULL for NULL. */
public final class HrUpper extends ScalarFunction {

    @DataTypeHint(value = "STRING", bridgedTo = StringData.class)
    public StringData eval(
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData text) {
        return LetterCase.upper(text);
    }
}
