package io.headrace.flink.cassandra;

import java.math.BigDecimal;
import java.nio.ByteBuffer;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;

/** The CQL bytes of scalar values. */
final class ScalarBytes {

    private static final long MICROS_PER_MILLI = 1_000;
    private static final long NANOS_PER_MICRO = 1_000;

    private ScalarBytes() {}

    static ByteBuffer text(Object value) {
        return ByteBuffer.wrap(((StringData) value).toBytes().clone());
    }

    static ByteBuffer blob(Object value) {
        return ByteBuffer.wrap(((byte[]) value).clone());
    }

    static ByteBuffer bool(Object value) {
        return tinyint((byte) ((Boolean) value ? 1 : 0));
    }

    static ByteBuffer tinyint(Object value) {
        return ByteBuffer.allocate(Byte.BYTES).put(0, (Byte) value);
    }

    static ByteBuffer smallint(Object value) {
        return ByteBuffer.allocate(Short.BYTES).putShort(0, (Short) value);
    }

    static ByteBuffer integer(Object value) {
        return ByteBuffer.allocate(Integer.BYTES).putInt(0, (Integer) value);
    }

    static ByteBuffer bigint(Object value) {
        return ByteBuffer.allocate(Long.BYTES).putLong(0, (Long) value);
    }

    static ByteBuffer real(Object value) {
        return ByteBuffer.allocate(Float.BYTES).putFloat(0, (Float) value);
    }

    static ByteBuffer dbl(Object value) {
        return ByteBuffer.allocate(Double.BYTES).putDouble(0, (Double) value);
    }

    static ByteBuffer decimal(Object value) {
        BigDecimal decimal = ((DecimalData) value).toBigDecimal();
        byte[] unscaled = decimal.unscaledValue().toByteArray();
        return ByteBuffer.allocate(Integer.BYTES + unscaled.length).putInt(decimal.scale()).put(unscaled).flip();
    }

    /** CQL counts days from the middle of the unsigned range. */
    static ByteBuffer date(Object value) {
        return integer((Integer) value + Integer.MIN_VALUE);
    }

    static ByteBuffer micros(Object value) {
        TimestampData time = (TimestampData) value;
        long micros = Math.addExact(
                Math.multiplyExact(time.getMillisecond(), MICROS_PER_MILLI),
                time.getNanoOfMillisecond() / NANOS_PER_MICRO);
        return bigint(micros);
    }

    static ByteBuffer millis(Object value) {
        return bigint(((TimestampData) value).getMillisecond());
    }
}
