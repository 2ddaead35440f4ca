package io.headrace.flink.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NestedRecordsTest {

    private static final DataType PLACE =
            DataTypes.ROW(
                    DataTypes.FIELD("lat", DataTypes.DOUBLE()), DataTypes.FIELD("seen", DataTypes.TIMESTAMP_LTZ(6)));
    private static final DataType DEVICE =
            DataTypes.ROW(
                    DataTypes.FIELD("os", DataTypes.STRING()),
                    DataTypes.FIELD("version", DataTypes.BIGINT()),
                    DataTypes.FIELD("place", PLACE),
                    DataTypes.FIELD("marks", DataTypes.ARRAY(DataTypes.BIGINT())));
    private static final RowType TYPE =
            (RowType)
                    DataTypes.ROW(
                                    DataTypes.FIELD("device", DEVICE),
                                    DataTypes.FIELD("tags", DataTypes.ARRAY(DataTypes.STRING())),
                                    DataTypes.FIELD("items", DataTypes.ARRAY(PLACE)),
                                    DataTypes.FIELD("_error", DataTypes.STRING()))
                            .getLogicalType();
    private static final int ERROR = 3;
    private static final RecordDecoder DECODER =
            new RecordDecoder(
                    TYPE,
                    new JsonSettings(
                            Set.of("device.os", "device.place.lat", "tags[]", "items[].lat"), null, null, 8, 10_000));

    private static RowData decode(String json) {
        return DECODER.decode(
                new ConsumerRecord<>(
                        "topic", 3, 42L, 0L, TimestampType.LOG_APPEND_TIME, 0, 0, null,
                        json.getBytes(StandardCharsets.UTF_8), new RecordHeaders(), Optional.empty()));
    }

    private static String error(RowData row) {
        return row.isNullAt(ERROR) ? null : row.getString(ERROR).toString();
    }

    @Test
    void structsAndListsAreRead() {
        RowData row =
                decode(
                        "{\"device\":{\"os\":\"日本\",\"more\":{\"os\":1},\"version\":7,\"place\":{\"lat\":1,"
                                + "\"seen\":\"2024-01-01T00:00:00.000001Z\"},\"marks\":[5,null]},"
                                + "\"tags\":[\"\",\"b\"],\"items\":[{\"lat\":0.5},null,{\"lat\":2,\"seen\":null}]}");
        assertThat(error(row)).isNull();
        RowData device = row.getRow(0, 4);
        assertThat(device.getString(0)).hasToString("日本");
        assertThat(device.getLong(1)).isEqualTo(7);
        assertThat(device.getRow(2, 2).getDouble(0)).isEqualTo(1.0);
        assertThat(device.getRow(2, 2).getTimestamp(1, 6).toInstant())
                .isEqualTo(Instant.parse("2024-01-01T00:00:00.000001Z"));
        assertThat(device.getArray(3).getLong(0)).isEqualTo(5);
        assertThat(device.getArray(3).isNullAt(1)).isTrue();
        assertThat(row.getArray(1).getString(1)).hasToString("b");
        ArrayData items = row.getArray(2);
        assertThat(items.size()).isEqualTo(3);
        assertThat(items.isNullAt(1)).isTrue();
        assertThat(items.getRow(0, 2).isNullAt(1)).isTrue();
        assertThat(items.getRow(2, 2).getDouble(0)).isEqualTo(2.0);
    }

    @Test
    void whatIsNotThereIsNullAndLacksNothing() {
        RowData row = decode("{\"device\":null,\"tags\":[]}");
        assertThat(error(row)).isNull();
        assertThat(row.isNullAt(0)).isTrue();
        assertThat(row.getArray(1).size()).isZero();
        assertThat(row.isNullAt(2)).isTrue();
        assertThat(decode("{\"device\":{\"os\":\"\",\"place\":null}}").getRow(0, 4).isNullAt(2)).isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"device\":{}} | column 'device.os': required, found missing",
                "{\"device\":{\"os\":null}} | column 'device.os': required, found null",
                "{\"device\":{\"os\":5}} | column 'device.os': expected STRING, found number 5",
                "{\"device\":\"ios\"} | column 'device': expected an object, found string \"ios\"",
                "{\"device\":[]} | column 'device': expected an object, found an array",
                "{\"device\":{\"os\":\"\",\"place\":{\"lat\":\"x\"}}}"
                        + " | column 'device.place.lat': expected DOUBLE, found string \"x\"",
                "{\"device\":{\"os\":\"\",\"place\":{}}} | column 'device.place.lat': required, found missing",
                "{\"device\":{\"os\":\"\",\"marks\":[1,2.5]}}"
                        + " | column 'device.marks[1]': expected BIGINT, found number 2.5",
                "{\"device\":{\"os\":\"\",\"os\":\"\"}} | column 'device.os': appears twice",
                "{\"device\":{\"x\":1,\"x\":1}} | column 'device': field 'x': appears twice",
                "{\"tags\":{}} | column 'tags': expected an array, found an object",
                "{\"tags\":[\"a\",null]} | column 'tags[1]': required, found null",
                "{\"tags\":[[\"a\"]]} | column 'tags[0]': expected STRING, found an array",
                "{\"items\":[{\"lat\":1},{\"lat\":null}]} | column 'items[1].lat': required, found null",
                "{\"items\":[{\"lat\":1},{}]} | column 'items[1].lat': required, found missing",
                "{\"tags\":[\"a\" | malformed JSON at byte",
                "{\"device\":{\"os\":[[[[[[[[]]]]]]]]}} | column 'device.os': expected STRING, found an array",
                "{\"x\":[[[[[[[[[]]]]]]]]]} | malformed JSON: nested deeper than 8 levels",
            })
    void whatIsWrongIsNamedByItsPath(String json, String reason) {
        RowData row = decode(json);
        assertThat(error(row)).startsWith(reason);
        assertThat(row.isNullAt(0) && row.isNullAt(1) && row.isNullAt(2)).isTrue();
    }

    @Test
    void oneRecordLeavesNothingToTheNext() {
        decode("{\"device\":{\"os\":\"a\",\"place\":{\"lat\":1}},\"items\":[{\"lat\":1}]}");
        assertThat(error(decode("{\"device\":{\"version\":1}}"))).isEqualTo(
                "column 'device.os': required, found missing");
        decode("{\"device\":{\"os\":\"a\",\"os\":\"a\"}}");
        assertThat(error(decode("{\"device\":{\"os\":\"a\"}}"))).isNull();
    }

    @Test
    void noMutationOfARecordEverThrows() {
        byte[] good =
                ("{\"device\":{\"os\":\"ü\",\"version\":1,\"place\":{\"lat\":1.5,\"seen\":\"2024-01-01T00:00:00Z\"},"
                                + "\"marks\":[1,null]},\"tags\":[\"a\",\"b\"],\"items\":[{\"lat\":1},null]}")
                        .getBytes(StandardCharsets.UTF_8);
        Random random = new Random(7);
        int refused = 0;
        for (int round = 0; round < 30_000; round++) {
            byte[] bytes = Arrays.copyOf(good, random.nextInt(8) == 0 ? random.nextInt(good.length + 1) : good.length);
            for (int i = random.nextInt(4); i > 0 && bytes.length > 0; i--) {
                bytes[random.nextInt(bytes.length)] = good[random.nextInt(good.length)];
            }
            String error = error(decode(new String(bytes, StandardCharsets.ISO_8859_1)));
            if (error != null) {
                refused++;
                assertThat(error).doesNotContain("decoder fault");
            }
        }
        assertThat(refused).isGreaterThan(8_000);
    }
}
