package io.headrace.flink.functions;

import java.nio.ByteBuffer;
import org.apache.flink.table.data.StringData;

/** Values in Flink's internal form as bytes: a string's UTF-8, 8 bytes of a number (an INT too), 1 of a truth value. */
final class ValueBytes {

    private ValueBytes() {}

    /** The bytes of a value; null of NULL. */
    static byte[] of(Object value) {
        if (value instanceof StringData text) {
            return text.toBytes();
        }
        if (value instanceof Boolean truth) {
            return new byte[] {(byte) (truth ? 1 : 0)};
        }
        if (value instanceof Double number) {
            return ByteBuffer.allocate(Double.BYTES).putDouble(number).array();
        }
        return value == null ? null : ByteBuffer.allocate(Long.BYTES).putLong(((Number) value).longValue()).array();
    }
}
