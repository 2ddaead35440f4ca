package io.headrace.flink.functions;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.junit.jupiter.api.Test;

class MergeableAggregatesTest {

    private static final String NAME = "fraud.total_amount";
    private static final StringData LABEL = StringData.fromString(NAME);

    @Test
    void sumIsExactWhateverTheOrderAndOverflowsOnlyInTheEnd() {
        Random random = new Random(1);
        for (int round = 0; round < 300; round++) {
            List<Long> values = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                values.add(random.nextLong() >> random.nextInt(64));
            }
            check(values);
        }
    }

    @Test
    void sumAtTheEdges() {
        check(List.of(Long.MAX_VALUE, 1L, -1L));
        check(List.of(Long.MAX_VALUE, 1L));
        check(List.of(Long.MIN_VALUE));
        check(List.of(Long.MIN_VALUE, -1L));
        check(List.of(Long.MIN_VALUE, Long.MIN_VALUE));
        check(Collections.nCopies(1_000, Long.MAX_VALUE));
        check(Collections.nCopies(1_000, -1L));
        assertThat(new HrSumOf().eval(null, null, LABEL)).isNull();
    }

    private static void check(List<Long> values) {
        BigInteger expected = values.stream().map(BigInteger::valueOf).reduce(BigInteger.ZERO, BigInteger::add);
        long wrapped = values.stream().mapToLong(value -> value).sum();
        long quotients = values.stream().mapToLong(value -> value / (1L << 32)).sum();
        if (expected.bitLength() < 64) {
            assertThat(new HrSumOf().eval(wrapped, quotients, LABEL)).isEqualTo(expected.longValueExact());
        } else {
            assertThatThrownBy(() -> new HrSumOf().eval(wrapped, quotients, LABEL))
                    .isInstanceOf(ArithmeticException.class)
                    .hasMessageContaining(NAME);
        }
    }

    @Test
    void scalarsOverflowByNameAndPassNull() {
        assertThat(new HrAdd().eval(1L, 2L, LABEL)).isEqualTo(3L);
        assertThat(new HrSub().eval(1L, 2L, LABEL)).isEqualTo(-1L);
        assertThat(new HrMul().eval(3L, 2L, LABEL)).isEqualTo(6L);
        assertThat(new HrAdd().eval(null, 2L, LABEL)).isNull();
        assertThatThrownBy(() -> new HrAdd().eval(Long.MAX_VALUE, 1L, LABEL)).hasMessageContaining(NAME);
        assertThatThrownBy(() -> new HrSub().eval(Long.MIN_VALUE, 1L, LABEL)).hasMessageContaining(NAME);
        assertThatThrownBy(() -> new HrMul().eval(Long.MIN_VALUE, -1L, LABEL)).hasMessageContaining(NAME);
    }

    private static RowData moments(HrMoments function, List<Double> values) {
        RowData acc = function.createAccumulator();
        values.forEach(value -> function.accumulate(acc, value));
        return acc;
    }

    @Test
    void momentsOfAnySplitAreTheWholeFarFromZero() {
        HrMoments function = new HrMoments();
        List<Double> values = new ArrayList<>();
        new Random(2).doubles(1000).forEach(x -> values.add(1e9 + x));
        double mean = values.stream().mapToDouble(x -> x - 1e9).average().orElseThrow();
        double m2 = values.stream().mapToDouble(x -> Math.pow(x - 1e9 - mean, 2)).sum();
        for (int cut : new int[] {0, 1, 500, 999, 1000}) {
            RowData acc = moments(function, values.subList(0, cut));
            function.merge(acc, List.of(moments(function, values.subList(cut, 1000)), function.createAccumulator()));
            RowData result = function.getValue(acc);
            assertThat(result.getLong(0)).isEqualTo(1000);
            assertThat(result.getDouble(1)).isCloseTo(1e9 + mean, within(1e-6));
            assertThat(result.getDouble(2)).isCloseTo(m2, within(1e-6 * m2));
        }
        assertThat(function.getValue(function.createAccumulator())).isEqualTo(GenericRowData.of(0L, null, null));
    }

    @Test
    void oneNumberMergedIntoNoneIsItselfHoweverFarFromZero() {
        HrMoments function = new HrMoments();
        RowData acc = function.createAccumulator();
        function.merge(acc, List.of(moments(function, List.of(1e200, 1e200))));
        assertThat(function.getValue(acc)).isEqualTo(GenericRowData.of(2L, 1e200, 0.0));
    }

    @Test
    void lastIsTheGreatestPositionInAnyOrderAndItsValueMayBeNull() {
        HrLast function = new HrLast();
        List<Object[]> rows = new ArrayList<>();
        rows.add(new Object[] {StringData.fromString("a"), 5L, 0, 9L});
        rows.add(new Object[] {StringData.fromString("b"), 5L, 1, 1L});
        rows.add(new Object[] {null, 5L, 1, 2L});
        rows.add(new Object[] {StringData.fromString("c"), 4L, 7, 99L});
        rows.add(new Object[] {StringData.fromString("d"), null, 7, 99L});
        Random random = new Random(3);
        for (int round = 0; round < 50; round++) {
            Collections.shuffle(rows, random);
            RowData left = function.createAccumulator();
            RowData right = function.createAccumulator();
            for (Object[] r : rows) {
                RowData half = random.nextBoolean() ? left : right;
                function.accumulate(half, r[0], (Long) r[1], (Integer) r[2], (Long) r[3]);
            }
            function.merge(left, List.of(right, function.createAccumulator()));
            assertThat(function.getValue(left)).isEqualTo(GenericRowData.of(null, 5L, 1, 2L));
        }
        assertThat(function.getValue(function.createAccumulator())).isNull();
    }

    @Test
    void theNewestRowsAreTheSameInAnyOrderAndAnySplit() {
        HrLastN function = new HrLastN();
        List<Object[]> rows = new ArrayList<>();
        rows.add(new Object[] {StringData.fromString("é"), 5L, 0, 9L});
        rows.add(new Object[] {StringData.fromString("b"), 5L, 1, 1L});
        rows.add(new Object[] {null, 5L, 1, 2L});
        rows.add(new Object[] {StringData.fromString("c"), -4L, 7, 99L});
        rows.add(new Object[] {StringData.fromString("d"), null, 7, 99L});
        Random random = new Random(3);
        byte[] expected = ByteBuffer.allocate(4 + 21 + 4 + 22 + 4 + 23)
                .putInt(21).putLong(5).putInt(1).putLong(2).put((byte) 0)
                .putInt(22).putLong(5).putInt(1).putLong(1).put((byte) 1).put((byte) 'b')
                .putInt(23).putLong(5).putInt(0).putLong(9).put((byte) 1).put("é".getBytes(StandardCharsets.UTF_8))
                .array();
        for (int round = 0; round < 50; round++) {
            Collections.shuffle(rows, random);
            RowData left = function.createAccumulator();
            RowData right = function.createAccumulator();
            for (Object[] r : rows) {
                RowData half = random.nextBoolean() ? left : right;
                function.accumulate(half, r[0], (Long) r[1], (Integer) r[2], (Long) r[3], 3);
            }
            function.merge(left, List.of(right, function.createAccumulator()));
            assertThat(function.getValue(left)).isEqualTo(expected);
        }
        assertThat(function.getValue(function.createAccumulator())).isNull();
    }

    @Test
    void microsOfAnInstant() {
        HrMicros micros = new HrMicros();
        assertThat(micros.eval(TimestampData.fromEpochMillis(-1, 999_000))).isEqualTo(-1L);
        assertThat(micros.eval(TimestampData.fromEpochMillis(1, 2_000))).isEqualTo(1002L);
        assertThat(micros.eval(null)).isNull();
    }
}
