package io.headrace.flink.cassandra;

import java.nio.ByteBuffer;

/** Turns one value of Flink's internal form into its CQL bytes; the bytes share nothing with the value. */
@FunctionalInterface
interface ValueEncoder {

    /** The bytes of a value that is not null. */
    ByteBuffer encode(Object value);
}
