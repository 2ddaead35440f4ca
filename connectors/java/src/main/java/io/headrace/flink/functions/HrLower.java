package io.headrace.flink.functions;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ScalarFunction;

/** {@code HR_LOWER(STRING) -> STRING}: each character in lower case, as {@link LetterCase} has it; NULL for NULL. */
public final class HrLower extends ScalarFunction {

    @DataTypeHint(value = "STRING", bridgedTo = StringData.class)
    public StringData eval(
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData text) {
        return LetterCase.lower(text);
    }
}
