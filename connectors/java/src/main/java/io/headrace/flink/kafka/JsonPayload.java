package io.headrace.flink.kafka;

import java.io.IOException;
import java.util.List;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactoryBuilder;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.StreamReadConstraints;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.StreamReadFeature;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.exc.StreamConstraintsException;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.types.logical.RowType.RowField;

/**
 * Reads one strict JSON object into the payload fields of a row; what is wrong comes out as a {@link Refusal},
 * and the row may then be half filled. Fields that are no columns are skipped. One instance a thread.
 */
final class JsonPayload {

    private static final byte[] BYTE_ORDER_MARK = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};

    /** Jackson guesses UTF-16 and UTF-32 from a zero among the first four bytes; JSON has none there. */
    private static final int ENCODING_PREFIX = 4;

    private final JsonFactory factory;
    private final int maxDepth;
    private final ObjectReader columns = new ObjectReader();

    JsonPayload(List<RowField> fields, JsonSettings settings) {
        this.maxDepth = settings.maxDepth();
        this.factory = factory(settings);
        ValueReaders readers = new ValueReaders(settings);
        for (int i = 0; i < fields.size(); i++) {
            String name = fields.get(i).getName();
            if (ReservedColumn.named(name).isEmpty()) {
                ValueReader reader = readers.of(fields.get(i).getType(), name).orElseThrow();
                columns.add(name, i, reader, settings.required().contains(name));
            }
        }
    }

    private static JsonFactory factory(JsonSettings settings) {
        StreamReadConstraints limits =
                StreamReadConstraints.builder()
                        .maxNestingDepth(settings.maxDepth())
                        .maxNameLength(Integer.MAX_VALUE)
                        .maxStringLength(Integer.MAX_VALUE)
                        .maxNumberLength(settings.maxBytes())
                        .build();
        return new JsonFactoryBuilder()
                .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                .disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
                .enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER)
                .streamReadConstraints(limits)
                .build();
    }

    void read(byte[] bytes, GenericRowData row) throws Refusal {
        checkEncoding(bytes);
        try (JsonParser parser = factory.createParser(bytes)) {
            readObject(parser, row);
            checkEnd(parser);
        } catch (StreamConstraintsException e) {
            throw new Refusal("malformed JSON: nested deeper than " + maxDepth + " levels");
        } catch (JsonProcessingException e) {
            throw malformed(e);
        } catch (IOException e) {
            throw new Refusal("malformed JSON: " + Refusal.shown(String.valueOf(e.getMessage())));
        }
        columns.checkRequired(row);
    }

    private static void checkEncoding(byte[] bytes) throws Refusal {
        int invalid = Utf8.firstInvalid(bytes);
        if (invalid != Utf8.VALID) {
            throw new Refusal("invalid UTF-8 at byte " + invalid);
        }
        if (bytes.length >= BYTE_ORDER_MARK.length
                && bytes[0] == BYTE_ORDER_MARK[0]
                && bytes[1] == BYTE_ORDER_MARK[1]) {
            throw new Refusal("malformed JSON at byte 0: a byte order mark");
        }
        for (int i = 0; i < Math.min(bytes.length, ENCODING_PREFIX); i++) {
            if (bytes[i] == 0) {
                throw new Refusal("malformed JSON at byte " + i + ": a zero byte");
            }
        }
    }

    private void readObject(JsonParser parser, GenericRowData row) throws IOException, Refusal {
        JsonToken first = parser.nextToken();
        if (first != JsonToken.START_OBJECT) {
            throw new Refusal(
                    first == null ? "empty: the record has no JSON" : "expected a JSON object, found " + kind(first));
        }
        columns.read(parser, row);
    }

    private static String kind(JsonToken token) {
        return switch (token) {
            case START_ARRAY -> "an array";
            case VALUE_STRING -> "a string";
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
            default -> token.asString();
        };
    }

    private static void checkEnd(JsonParser parser) throws IOException, Refusal {
        if (parser.nextToken() != null) {
            long offset = parser.currentTokenLocation().getByteOffset();
            throw new Refusal("malformed JSON at byte " + offset + ": data after the object");
        }
    }

    private static Refusal malformed(JsonProcessingException error) {
        String message = error.getOriginalMessage();
        String firstLine = message.lines().findFirst().orElse("");
        long offset = error.getLocation().getByteOffset();
        return new Refusal("malformed JSON at byte " + offset + ": " + Refusal.shown(firstLine));
    }
}
