package io.headrace.flink.functions;

import org.apache.datasketches.hash.MurmurHash3;
import org.apache.datasketches.thetacommon.ThetaUtil;
import org.apache.flink.table.data.StringData;

/**
 * The hash that DataSketches gives to a value, so that {@code update_theta_sketch.update(value)} in Python
 * finds the same entry: integers and booleans (1, 0) as 64-bit integers, doubles by their bits (-0.0 as 0.0),
 * strings by their UTF-8.
 *
 * <p>DataSketches ignores an empty string, which SQL counts. It is hashed as the integer -1, whose bytes are
 * no UTF-8, so no other string can meet it; a Python twin calls {@code update(-1)} for it.
 */
final class ThetaHash {

    private static final long SEED = ThetaUtil.DEFAULT_UPDATE_SEED;
    private static final long EMPTY_STRING = -1L;

    private ThetaHash() {}

    /** Hash of a value in Flink's internal form; {@link IllegalArgumentException} for any other type. */
    static long of(Object value) {
        if (value instanceof Long number) {
            return ofLong(number);
        }
        if (value instanceof StringData text) {
            return ofBytes(text.toBytes());
        }
        if (value instanceof Integer number) {
            return ofLong(number);
        }
        if (value instanceof Double number) {
            return ofLong(Double.doubleToLongBits(number == 0.0 ? 0.0 : number));
        }
        if (value instanceof Boolean flag) {
            return ofLong(flag ? 1L : 0L);
        }
        throw new IllegalArgumentException("HR_DISTINCT: cannot hash a " + value.getClass().getName());
    }

    private static long ofLong(long number) {
        return MurmurHash3.hash(number, SEED)[0] >>> 1;
    }

    private static long ofBytes(byte[] utf8) {
        return utf8.length == 0 ? ofLong(EMPTY_STRING) : MurmurHash3.hash(utf8, SEED)[0] >>> 1;
    }
}
