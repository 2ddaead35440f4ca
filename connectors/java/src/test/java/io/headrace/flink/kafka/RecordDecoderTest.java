package io.headrace.flink.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneId;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.logical.RowType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RecordDecoderTest {

    private static final int RAW = 11;
    private static final int ERROR = 12;
    private static final int PAYLOAD = 7;
    private static final int MAX_BYTES = 100_000;

    private static final RowType TYPE =
            (RowType)
                    DataTypes.ROW(
                                    DataTypes.FIELD("s", DataTypes.STRING()),
                                    DataTypes.FIELD("b", DataTypes.BIGINT()),
                                    DataTypes.FIELD("i", DataTypes.INT()),
                                    DataTypes.FIELD("d", DataTypes.DOUBLE()),
                                    DataTypes.FIELD("f", DataTypes.BOOLEAN()),
                                    DataTypes.FIELD("t", DataTypes.TIMESTAMP_LTZ(6)),
                                    DataTypes.FIELD("day", DataTypes.DATE()),
                                    DataTypes.FIELD("_src_topic", DataTypes.STRING()),
                                    DataTypes.FIELD("_src_partition", DataTypes.INT()),
                                    DataTypes.FIELD("_src_offset", DataTypes.BIGINT()),
                                    DataTypes.FIELD("_src_timestamp", DataTypes.TIMESTAMP_LTZ(6)),
                                    DataTypes.FIELD("_raw", DataTypes.BYTES()),
                                    DataTypes.FIELD("_error", DataTypes.STRING()))
                            .getLogicalType();

    private static RecordDecoder decoder(Set<String> required, ZoneId zone, TimeUnitOfNumbers unit) {
        return new RecordDecoder(TYPE, new JsonSettings(required, zone, unit, 8, MAX_BYTES));
    }

    private static final RecordDecoder STRICT = decoder(Set.of(), null, null);

    private static RowData decode(RecordDecoder decoder, byte[] value) {
        return decoder.decode(
                new ConsumerRecord<>(
                        "topic", 3, 42L, 1_700_000_000_123L, TimestampType.LOG_APPEND_TIME, 0, 0, null, value,
                        new RecordHeaders(), Optional.empty()));
    }

    private static byte[] utf8(String json) {
        return json.getBytes(StandardCharsets.UTF_8);
    }

    private static RowData decode(String json) {
        return decode(STRICT, utf8(json));
    }

    private static String error(RowData row) {
        return row.isNullAt(ERROR) ? null : row.getString(ERROR).toString();
    }

    private static void assertRefused(RowData row, byte[] raw) {
        for (int i = 0; i < PAYLOAD; i++) {
            assertThat(row.isNullAt(i)).isTrue();
        }
        assertThat(error(row)).isNotBlank();
        assertThat(row.getBinary(RAW)).isEqualTo(raw);
        assertThat(row.getLong(9)).isEqualTo(42L);
    }

    @Test
    void aGoodRecordFillsItsColumnsAndItsSource() {
        RowData row = decode("{\"s\":\"Zürich \\ud83d\\ude00\",\"b\":-9223372036854775808,\"i\":2147483647,"
                + "\"d\":1e3,\"f\":true,\"t\":\"2013-01-31T23:59:59.123456+01:00\",\"extra\":{\"a\":[1,{}]}} \n");
        assertThat(error(row)).isNull();
        assertThat(row.isNullAt(RAW)).isTrue();
        assertThat(row.getString(0)).hasToString("Zürich 😀");
        assertThat(row.getLong(1)).isEqualTo(Long.MIN_VALUE);
        assertThat(row.getInt(2)).isEqualTo(Integer.MAX_VALUE);
        assertThat(row.getDouble(3)).isEqualTo(1000.0);
        assertThat(row.getBoolean(4)).isTrue();
        assertThat(row.getTimestamp(5, 6).toInstant()).isEqualTo(Instant.parse("2013-01-31T22:59:59.123456Z"));
        assertThat(row.getString(7)).hasToString("topic");
        assertThat(row.getInt(8)).isEqualTo(3);
        assertThat(row.getTimestamp(10, 6)).isEqualTo(TimestampData.fromEpochMillis(1_700_000_000_123L));
    }

    @Test
    void missingAndNullColumnsAreNull() {
        RowData row = decode("{\"b\":null}");
        assertThat(error(row)).isNull();
        assertThat(row.isNullAt(0)).isTrue();
        assertThat(row.isNullAt(1)).isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"d\":\"abc\"} | column 'd': expected DOUBLE, found string \"abc\"",
                "{\"b\":1.5} | column 'b': expected BIGINT, found number 1.5",
                "{\"b\":1e2} | column 'b': expected BIGINT, found number 1e2",
                "{\"b\":9223372036854775808} | column 'b': expected BIGINT, found number 9223372036854775808",
                "{\"i\":2147483648} | column 'i': expected INT, found number 2147483648",
                "{\"d\":1e400} | column 'd': expected DOUBLE, found number 1e400",
                "{\"s\":1} | column 's': expected STRING, found number 1",
                "{\"s\":{}} | column 's': expected STRING, found an object",
                "{\"f\":0} | column 'f': expected BOOLEAN, found number 0",
                "{\"f\":\"true\"} | column 'f': expected BOOLEAN, found string \"true\"",
                "{\"d\":true} | column 'd': expected DOUBLE, found true",
                "{\"day\":\"2023-02-30\"} | column 'day': expected DATE, found string \"2023-02-30\"",
                "{\"day\":\"2023-02-29\"} | column 'day': expected DATE, found string \"2023-02-29\"",
                "{\"day\":\"2023-2-3\"} | column 'day': expected DATE, found string \"2023-2-3\"",
                "{\"day\":\"0000-01-01\"} | column 'day': expected DATE, found string \"0000-01-01\"",
                "{\"day\":\"10000-01-01\"} | column 'day': expected DATE, found string \"10000-01-01\"",
                "{\"day\":\"+10000-1-1\"} | column 'day': expected DATE, found string \"+10000-1-1\"",
                "{\"day\":19782} | column 'day': expected DATE, found number 19782",
                "{\"t\":1700000000} | column 't': expected TIMESTAMP_LTZ(6), found number 1700000000",
                "{\"t\":\"2013-01-01T00:00:00\"} | column 't': expected TIMESTAMP_LTZ(6),"
                        + " found string \"2013-01-01T00:00:00\"",
                "{\"b\":1,\"b\":1} | column 'b': appears twice",
                "{\"x\":1,\"x\":1} | field 'x': appears twice",
                "{\"s\":\"\\ud800\"} | column 's': expected STRING, found half of a surrogate pair",
                "[1] | expected a JSON object, found an array",
                "null | expected a JSON object, found null",
                "{\"b\":1}x | malformed JSON at byte",
                "{\"b\":1}{} | malformed JSON at byte 7: data after the object",
                "{\"d\":NaN} | malformed JSON at byte",
                "{\"d\":-Infinity} | malformed JSON at byte",
                "{\"d\":+1} | malformed JSON at byte",
                "{\"d\":01} | malformed JSON at byte",
                "{\"d\":1.} | malformed JSON at byte",
                "{\"b\":1,} | malformed JSON at byte",
                "{'b':1} | malformed JSON at byte",
                "{\"b\":1 | malformed JSON at byte",
                "{\"x\":[[[[[[[[[[]]]]]]]]]]} | malformed JSON: nested deeper than 8 levels",
            })
    void aBadRecordIsNamedAndKept(String json, String reason) {
        RowData row = decode(json);
        assertThat(error(row)).startsWith(reason);
        assertRefused(row, utf8(json));
    }

    @Test
    void bytesThatAreNoTextAreNamedAndKept() {
        byte[][] inputs = {
            {},
            {' '},
            {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF, '{', '}'},
            {'{', 0, '}', 0},
            "{\"s\":\"a\"}".getBytes(StandardCharsets.UTF_16BE),
            {'{', '"', 's', '"', ':', '"', (byte) 0xC0, (byte) 0x80, '"', '}'},
            {'{', '"', 's', '"', ':', '"', (byte) 0xED, (byte) 0xA0, (byte) 0x80, '"', '}'},
            {'{', '"', 'x', '"', ':', '"', (byte) 0xFF, '"', '}'},
            {'{', '"', 's', '"', ':', '"', 1, '"', '}'},
        };
        for (byte[] input : inputs) {
            assertRefused(decode(STRICT, input), input);
        }
    }

    @Test
    void tombstonesAndGiantsAreNamed() {
        RowData tombstone = decode(STRICT, null);
        assertThat(error(tombstone)).isEqualTo("tombstone: the record has no value");
        assertThat(tombstone.isNullAt(RAW)).isTrue();
        byte[] giant = new byte[MAX_BYTES + 1];
        Arrays.fill(giant, (byte) ' ');
        RowData row = decode(STRICT, giant);
        assertThat(error(row)).isEqualTo("too large: 100001 bytes, the limit is 100000");
        assertThat(row.getBinary(RAW)).hasSize(64 * 1024);
    }

    @Test
    void longValuesAreCutInTheReason() {
        assertThat(error(decode("{\"b\":\"" + "x".repeat(5000) + "\"}"))).hasSizeLessThan(100).endsWith("...\"");
        assertThat(error(decode("{\"b\":" + "9".repeat(5000) + "}"))).hasSizeLessThan(100);
    }

    @Test
    void requiredColumnsMustBeThere() {
        RecordDecoder decoder = decoder(Set.of("s", "b"), null, null);
        assertThat(error(decode(decoder, utf8("{\"b\":1}")))).isEqualTo("column 's': required, found missing");
        assertThat(error(decode(decoder, utf8("{\"s\":\"\",\"b\":null}"))))
                .isEqualTo("column 'b': required, found null");
        assertThat(error(decode(decoder, utf8("{\"s\":\"\",\"b\":0}")))).isNull();
    }

    @ParameterizedTest
    @CsvSource({"US,1700000000123456,1700000000123456", "MS,1700000000123,1700000000123000", "S,-1,-1000000"})
    void numbersAreTimesWhenAUnitIsSet(TimeUnitOfNumbers unit, long number, long micros) {
        RowData row = decode(decoder(Set.of(), null, unit), utf8("{\"t\":" + number + "}"));
        assertThat(row.getTimestamp(5, 6)).isEqualTo(Instants.ofMicros(micros));
        RowData absurd = decode(decoder(Set.of(), null, unit), utf8("{\"t\":9223372036854775807}"));
        assertThat(error(absurd)).contains("expected TIMESTAMP_LTZ(6)");
    }

    @ParameterizedTest
    @CsvSource({"1970-01-01,0", "1969-12-31,-1", "2024-02-29,19782", "0001-01-01,-719162", "9999-12-31,2932896"})
    void aDateIsItsDay(String text, int day) {
        assertThat(decode("{\"day\":\"" + text + "\"}").getInt(6)).isEqualTo(day);
    }

    @Test
    void noMutationOfARecordEverThrows() {
        byte[] good = utf8("{\"s\":\"Zü\\u00e9\",\"b\":-12,\"i\":7,\"d\":1.5e-3,\"f\":false,"
                + "\"t\":\"2013-01-31T23:59:59.123456Z\",\"x\":[{}]}");
        Random random = new Random(7);
        int refused = 0;
        for (int round = 0; round < 30_000; round++) {
            byte[] bytes = Arrays.copyOf(good, random.nextInt(8) == 0 ? random.nextInt(good.length + 1) : good.length);
            for (int i = random.nextInt(4); i > 0 && bytes.length > 0; i--) {
                int replacement = random.nextBoolean() ? random.nextInt(256) : good[random.nextInt(good.length)];
                bytes[random.nextInt(bytes.length)] = (byte) replacement;
            }
            RowData row = decode(STRICT, bytes);
            if (error(row) != null) {
                refused++;
                assertThat(error(row)).doesNotContain("decoder fault");
                assertRefused(row, bytes);
            }
        }
        assertThat(refused).isGreaterThan(8_000);
    }
}
