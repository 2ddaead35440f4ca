package io.headrace.flink.kafka;

import java.io.IOException;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser.NumberType;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.VarCharType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;

/** One strict reader for each column type: nothing is cast silently, except an integer for a DOUBLE. */
final class ValueReaders {

    private static final int MICROS_PRECISION = 6;
    private static final int DATE_LENGTH = 10;

    private final IsoTime isoTime;
    private final TimeUnitOfNumbers unit;
    private final Set<String> required;

    ValueReaders(JsonSettings settings) {
        this.isoTime = new IsoTime(settings.zone());
        this.unit = settings.unit();
        this.required = settings.required();
    }

    /** Whether payload columns may have this type. */
    static boolean supports(LogicalType type) {
        return new ValueReaders(new JsonSettings(Set.of(), null, null, 0, 0)).of(type, "").isPresent();
    }

    /** @param path the value's name as required parts are listed: {@code device.os}, and {@code tags[]} for elements */
    Optional<ValueReader> of(LogicalType type, String path) {
        return Optional.ofNullable(
                switch (type.getTypeRoot()) {
                    case VARCHAR -> isString(type) ? nullOr(ValueReaders::text) : null;
                    case BIGINT -> nullOr(ValueReaders::bigint);
                    case INTEGER -> nullOr(ValueReaders::integer);
                    case DOUBLE -> nullOr(ValueReaders::floating);
                    case BOOLEAN -> nullOr(ValueReaders::flag);
                    case DATE -> nullOr(ValueReaders::date);
                    case TIMESTAMP_WITH_LOCAL_TIME_ZONE -> isMicros(type) ? nullOr(this::time) : null;
                    case ROW -> struct((RowType) type, path).map(ValueReaders::nullOr).orElse(null);
                    case ARRAY -> list((ArrayType) type, path).map(ValueReaders::nullOr).orElse(null);
                    default -> null;
                });
    }

    private Optional<ValueReader> struct(RowType type, String path) {
        ObjectReader fields = new ObjectReader();
        for (int i = 0; i < type.getFieldCount(); i++) {
            String name = type.getFieldNames().get(i);
            String inner = path + "." + name;
            Optional<ValueReader> reader = of(type.getTypeAt(i), inner);
            if (reader.isEmpty()) {
                return Optional.empty();
            }
            fields.add(name, i, reader.get(), required.contains(inner));
        }
        return Optional.of(parser -> object(parser, fields, type.getFieldCount()));
    }

    private static GenericRowData object(JsonParser parser, ObjectReader fields, int count)
            throws IOException, Refusal {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw mismatch("an object", parser);
        }
        GenericRowData row = new GenericRowData(count);
        fields.read(parser, row);
        fields.checkRequired(row);
        return row;
    }

    private Optional<ValueReader> list(ArrayType type, String path) {
        String inner = path + "[]";
        boolean all = required.contains(inner);
        return of(type.getElementType(), inner).map(element -> parser -> array(parser, element, all));
    }

    private static GenericArrayData array(JsonParser parser, ValueReader element, boolean all)
            throws IOException, Refusal {
        if (parser.currentToken() != JsonToken.START_ARRAY) {
            throw mismatch("an array", parser);
        }
        List<Object> elements = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            elements.add(element(parser, element, all, elements.size()));
        }
        return new GenericArrayData(elements.toArray());
    }

    private static Object element(JsonParser parser, ValueReader reader, boolean required, int place)
            throws IOException, Refusal {
        try {
            Object value = reader.read(parser);
            if (value == null && required) {
                throw new Refusal("required, found null");
            }
            return value;
        } catch (Refusal e) {
            throw e.within("[" + place + "]");
        }
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

    /** ISO 8601, of the years 1 to 9999, as the number of its day. */
    private static Integer date(JsonParser parser) throws IOException, Refusal {
        if (parser.currentToken() == JsonToken.VALUE_STRING && parser.getTextLength() == DATE_LENGTH) {
            try {
                LocalDate date = LocalDate.parse(parser.getText());
                if (date.getYear() > 0) {
                    return (int) date.toEpochDay();
                }
            } catch (DateTimeException e) {
                throw mismatch("DATE", parser);
            }
        }
        throw mismatch("DATE", parser);
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
