package io.headrace.flink.functions;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.apache.datasketches.thetacommon.ThetaUtil;

/**
 * Writes a set of hashes as an ordered compact Theta sketch, serial version 3 (source: the table in
 * {@code org.apache.datasketches.theta.PreambleUtil}); held to the library's own bytes by a test.
 */
final class ThetaBytes {

    private static final byte SERIAL_VERSION = 3;
    private static final byte FAMILY_COMPACT = 3;
    private static final int READ_ONLY = 2;
    private static final int EMPTY = 4;
    private static final int COMPACT = 8;
    private static final int ORDERED = 16;
    private static final int SINGLE_ITEM = 32;

    private static final int LONGS_SHORT = 1;
    private static final int LONGS_EXACT = 2;
    private static final int LONGS_ESTIMATING = 3;
    /** Sampling probability: no value is left out. */
    private static final float EVERY_VALUE = 1.0f;

    private static final short NO_SEED_HASH = 0;
    private static final short SEED_HASH = ThetaUtil.computeSeedHash(ThetaUtil.DEFAULT_UPDATE_SEED);

    private ThetaBytes() {}

    static byte[] of(SmallestHashes set) {
        boolean estimating = set.size() == SmallestHashes.CAPACITY;
        int entries = estimating ? SmallestHashes.NOMINAL : set.size();
        int preamble = preambleLongs(entries, estimating);
        ByteBuffer out = ByteBuffer.allocate((preamble + entries) * Long.BYTES);
        out.order(ByteOrder.LITTLE_ENDIAN);
        writeFirstLong(out, preamble, entries);
        if (preamble > LONGS_SHORT) {
            out.putInt(entries).putFloat(EVERY_VALUE);
        }
        if (estimating) {
            out.putLong(set.get(entries));
        }
        return out.put(set.bytes(), 0, entries * Long.BYTES).array();
    }

    private static int preambleLongs(int entries, boolean estimating) {
        if (estimating) {
            return LONGS_ESTIMATING;
        }
        return entries <= 1 ? LONGS_SHORT : LONGS_EXACT;
    }

    private static void writeFirstLong(ByteBuffer out, int preamble, int entries) {
        int flags = READ_ONLY | COMPACT | ORDERED;
        flags |= entries == 0 ? EMPTY : 0;
        flags |= entries == 1 ? SINGLE_ITEM : 0;
        out.put((byte) preamble).put(SERIAL_VERSION).put(FAMILY_COMPACT).putShort((short) 0);
        out.put((byte) flags).putShort(entries == 0 ? NO_SEED_HASH : SEED_HASH);
    }
}
