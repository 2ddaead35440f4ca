package io.headrace.flink.kafka;

import java.io.IOException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;

/** Reads the value at which the parser stands into Flink's internal form; null for JSON's null. */
@FunctionalInterface
interface ValueReader {

    /** {@link Refusal} when the value is of another type, {@link IOException} when it is no JSON. */
    Object read(JsonParser parser) throws IOException, Refusal;
}
