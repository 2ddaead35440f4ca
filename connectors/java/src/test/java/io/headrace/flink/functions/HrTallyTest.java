package io.headrace.flink.functions;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HrTallyTest {

    private final HrTally function = new HrTally();

    private RowData accumulate(List<?> values) {
        RowData acc = function.createAccumulator();
        values.forEach(value -> function.accumulate(acc, value));
        return acc;
    }

    private byte[] bytes(Object... values) {
        return function.getValue(accumulate(Arrays.asList(values)));
    }

    private static StringData text(String value) {
        return StringData.fromString(value);
    }

    private static List<Long> numbers(int n) {
        List<Long> numbers = new ArrayList<>();
        for (long i = 0; i < n; i++) {
            numbers.add(i);
        }
        return numbers;
    }

    /** The same bytes as in tests/compiler/test_tally.py. */
    @Test
    void theBytesAreThoseOfPython() {
        byte[] expected = HexFormat.of().parseHex(
                "00000000" + "0000000000000001" + "00000001" + "0000000000000003" + "62"
                        + "00000002" + "0000000000000002" + "c3a9");
        assertThat(bytes(text("é"), text("b"), null, text("b"), text(""), text("é"), text("b"))).isEqualTo(expected);
        assertThat(bytes(7L, -1)).isEqualTo(bytes(-1L, 7));
        assertThat(bytes(true)).isEqualTo(HexFormat.of().parseHex("00000001" + "0000000000000001" + "01"));
        assertThat(bytes((Object) null)).isNull();
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 40, 900, 1638, 1639, 4000})
    void anyOrderAndAnySplitGiveTheSameBytes(int different) {
        Random random = new Random(different);
        List<Long> values = numbers(different);
        values.addAll(numbers(different / 3));
        byte[] whole = function.getValue(accumulate(values));
        for (int round = 0; round < 5; round++) {
            Collections.shuffle(values, random);
            int cut = random.nextInt(values.size());
            RowData left = accumulate(values.subList(0, cut));
            RowData right = accumulate(values.subList(cut, values.size()));
            function.merge(left, List.of(right, function.createAccumulator()));
            assertThat(function.getValue(left)).isEqualTo(whole);
        }
        assertThat(decoded(whole)).isEqualTo(different * 20 > ValueCounts.BOUND ? Map.of() : expected(values));
    }

    @Test
    void valuesThatDoNotFitAreNoBytesAtAll() {
        String large = "x".repeat(ValueCounts.BOUND - 12);
        assertThat(bytes(text(large), text(large))).hasSize(ValueCounts.BOUND);
        assertThat(bytes(text(large), text(""))).isEmpty();
        assertThat(bytes(text(""), text(large), text("a"))).isEmpty();
    }

    private static Map<Long, Long> decoded(byte[] bytes) {
        Map<Long, Long> found = new TreeMap<>();
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
            assertThat(buffer.getInt()).isEqualTo(Long.BYTES);
            long count = buffer.getLong();
            found.put(buffer.getLong(), count);
        }
        return found;
    }

    private static Map<Long, Long> expected(List<Long> values) {
        Map<Long, Long> found = new TreeMap<>();
        values.forEach(value -> found.merge(value, 1L, Long::sum));
        return found;
    }
}
