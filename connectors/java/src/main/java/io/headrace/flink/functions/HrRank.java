package io.headrace.flink.functions;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * {@code HR_RANK(STRING) -> BIGINT}: a number that stands for a text where texts need some order, the same in every
 * engine: the first 15 hexadecimal digits of its MD5. NULL for NULL.
 */
public final class HrRank extends ScalarFunction {

    private static final int UNUSED_BITS = 4;

    private transient MessageDigest md5;

    @Override
    public void open(FunctionContext context) {
        try {
            md5 = MessageDigest.getInstance("MD5");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException("every Java has MD5", impossible);
        }
    }

    public Long eval(
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData text) {
        if (text == null) {
            return null;
        }
        byte[] digest = md5.digest(text.toBytes());
        return ByteBuffer.wrap(digest).getLong() >>> UNUSED_BITS;
    }
}
