package io.headrace.flink.kafka;

import java.io.IOException;
import java.util.Optional;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser.NumberType;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.VarCharType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;

/** One strict reader for each column type: nothing is cast silently, except an integer for a DOUBLE. */
final class ValueReaders {

    private static final int MICROS_PRECISION = 6;

    private final IsoTime isoTime;
    private final TimeUnitOfNumbers unit;

    ValueReaders(JsonSettings settings) {
        this.isoTime = new IsoTime(settings.zone());
        this.unit = settings.unit();
    }

    /** Whether payload columns may have this type. */
    static boolean supports(LogicalType type) {
        return new ValueReaders(new JsonSettings(null, null, null, 0, 0)).of(type).isPresent();
    }

    Optional<ValueReader> of(LogicalType type) {
        return Optional.ofNullable(
                switch (type.getTypeRoot()) {
                    case VARCHAR -> isString(type) ? nullOr(ValueReaders::text) : null;
                    case BIGINT -> nullOr(ValueReaders::bigint);
                    case INTEGER -> nullOr(ValueReaders::integer);
                    case DOUBLE -> nullOr(ValueReaders::floating);
                    case BOOLEAN -> nullOr(ValueReaders::flag);
                    case TIMESTAMP_WITH_LOCAL_TIME_ZONE -> isMicros(type) ? nullOr(this::time) : null;
                    default -> null;
                });
    }

    private static boolean isString(LogicalType type) {
        return ((VarCharType) type).getLength() == VarCharType.MAX_LENGTH;
    }

    private static boolean isMicros(LogicalType type) {
        return LogicalTypeChecks.getPrecision(type) == MICROS_PRECISION;
    }

    private static ValueReader nullOr(ValueReader reader) {
        return parser -> parser.currentToken() == JsonToken.VALUE_NULL ? null : reader.read(parser);
    }

    private static StringData text(JsonParser parser) throws IOException, Refusal {
        if (parser.currentToken() != JsonToken.VALUE_STRING) {
            throw mismatch("STRING", parser);
        }
        String text = parser.getText();
        if (hasLoneSurrogate(text)) {
            throw new Refusal("expected STRING, found half of a surrogate pair");
        }
        return StringData.fromString(text);
    }

    private static boolean hasLoneSurrogate(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                boolean pair = i + 1 < text.length() && Character.isSurrogatePair(c, text.charAt(i + 1));
                if (!pair) {
                    return true;
                }
                i++;
            }
        }
        return false;
    }

    private static Long bigint(JsonParser parser) throws IOException, Refusal {
        if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT || parser.getNumberType() == NumberType.BIG_INTEGER) {
            throw mismatch("BIGINT", parser);
        }
        return parser.getLongValue();
    }

    private static Integer integer(JsonParser parser) throws IOException, Refusal {
        if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT || parser.getNumberType() != NumberType.INT) {
            throw mismatch("INT", parser);
        }
        return parser.getIntValue();
    }

    private static Double floating(JsonParser parser) throws IOException, Refusal {
        if (!parser.currentToken().isNumeric()) {
            throw mismatch("DOUBLE", parser);
        }
        double value = parser.getDoubleValue();
        if (!Double.isFinite(value)) {
            throw mismatch("DOUBLE", parser);
        }
        return value;
    }

    private static Boolean flag(JsonParser parser) throws IOException, Refusal {
        return switch (parser.currentToken()) {
            case VALUE_TRUE -> Boolean.TRUE;
            case VALUE_FALSE -> Boolean.FALSE;
            default -> throw mismatch("BOOLEAN", parser);
        };
    }

    private TimestampData time(JsonParser parser) throws IOException, Refusal {
        long micros = IsoTime.NONE;
        if (parser.currentToken() == JsonToken.VALUE_STRING) {
            char[] text = parser.getTextCharacters();
            micros = isoTime.parse(text, parser.getTextOffset(), parser.getTextLength());
        } else if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT && unit != null) {
            micros = numericTime(parser);
        }
        if (micros == IsoTime.NONE) {
            throw mismatch("TIMESTAMP_LTZ(6)", parser);
        }
        return Instants.ofMicros(micros);
    }

    private long numericTime(JsonParser parser) throws IOException {
        if (parser.getNumberType() == NumberType.BIG_INTEGER) {
            return IsoTime.NONE;
        }
        try {
            long micros = unit.toMicros(parser.getLongValue());
            return Instants.isTime(micros) ? micros : IsoTime.NONE;
        } catch (ArithmeticException e) {
            return IsoTime.NONE;
        }
    }

    private static Refusal mismatch(String expected, JsonParser parser) throws IOException {
        String found =
                switch (parser.currentToken()) {
                    case START_OBJECT -> "an object";
                    case START_ARRAY -> "an array";
                    case VALUE_STRING -> "string \"" + Refusal.shown(parser.getText()) + "\"";
                    case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "number " + Refusal.shown(parser.getText());
                    default -> parser.getText();
                };
        return new Refusal("expected " + expected + ", found " + found);
    }
}
