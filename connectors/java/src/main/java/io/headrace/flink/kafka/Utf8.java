package io.headrace.flink.kafka;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing beyond U+10FFFF. Jackson checks less. */
final class Utf8 {

    static final int VALID = -1;

    private static final VarHandle LONGS =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long HIGH_BITS = 0x8080808080808080L;

    private Utf8() {}

    /** Index of the first byte of the first invalid character, or {@link #VALID}. */
    static int firstInvalid(byte[] bytes) {
        int i = 0;
        while (i < bytes.length) {
            i = afterAscii(bytes, i);
            if (i == bytes.length) {
                return VALID;
            }
            int length = bytes[i] < 0 ? characterLength(bytes, i) : 1;
            if (length == 0) {
                return i;
            }
            i += length;
        }
        return VALID;
    }

    private static int afterAscii(byte[] bytes, int from) {
        int i = from;
        while (i + Long.BYTES <= bytes.length && ((long) LONGS.get(bytes, i) & HIGH_BITS) == 0) {
            i += Long.BYTES;
        }
        while (i < bytes.length && bytes[i] >= 0) {
            i++;
        }
        return i;
    }

    /** Bytes of the character that starts at i, 0 when it is invalid. */
    private static int characterLength(byte[] bytes, int i) {
        int lead = bytes[i] & 0xFF;
        if (lead >= 0xC2 && lead <= 0xDF) {
            return isContinuation(bytes, i + 1) ? 2 : 0;
        }
        if (lead >= 0xE0 && lead <= 0xEF) {
            return isThreeByte(bytes, i, lead) ? 3 : 0;
        }
        return lead >= 0xF0 && lead <= 0xF4 && isFourByte(bytes, i, lead) ? 4 : 0;
    }

    private static boolean isThreeByte(byte[] bytes, int i, int lead) {
        if (!isContinuation(bytes, i + 1) || !isContinuation(bytes, i + 2)) {
            return false;
        }
        int second = bytes[i + 1] & 0xFF;
        boolean overlong = lead == 0xE0 && second < 0xA0;
        boolean surrogate = lead == 0xED && second > 0x9F;
        return !overlong && !surrogate;
    }

    private static boolean isFourByte(byte[] bytes, int i, int lead) {
        if (!isContinuation(bytes, i + 1) || !isContinuation(bytes, i + 2) || !isContinuation(bytes, i + 3)) {
            return false;
        }
        int second = bytes[i + 1] & 0xFF;
        boolean overlong = lead == 0xF0 && second < 0x90;
        boolean beyond = lead == 0xF4 && second > 0x8F;
        return !overlong && !beyond;
    }

    private static boolean isContinuation(byte[] bytes, int i) {
        return i < bytes.length && (bytes[i] & 0xC0) == 0x80;
    }
}
