package io.headrace.flink.functions;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.InputGroup;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * {@code HR_LACKS(ARRAY<ROW>, STRING path) -> BOOLEAN}: whether a part that must be there is NULL in some element. A
 * struct that is NULL lacks nothing, and neither does an element.
 */
public final class HrLacks extends ScalarFunction {

    public Boolean eval(@DataTypeHint(inputGroup = InputGroup.ANY) Object elements, String path) {
        return elements != null && Parts.of((Object[]) elements, path).anyMatch(part -> part == Parts.MISSING);
    }
}
