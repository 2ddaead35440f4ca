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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HrBucketsTest {

    private static final int ENTRY = 12;

    private final HrBuckets function = new HrBuckets();

    private RowData accumulate(List<Double> numbers) {
        RowData acc = function.createAccumulator();
        numbers.forEach(number -> function.accumulate(acc, number));
        return acc;
    }

    private byte[] bytes(Double... numbers) {
        return function.getValue(accumulate(Arrays.asList(numbers)));
    }

    /** What a bucket's numbers round to, by arithmetic on the number rather than on its bits. */
    private static double rounded(double x) {
        double unit = Math.scalb(1.0, Math.getExponent(x) - 6);
        return Math.signum(x) * Math.floor(Math.abs(x) / unit + 0.5) * unit;
    }

    @ParameterizedTest
    @CsvSource({"127,127", "129,130", "-0.1,-0.099609375", "0,0", "-0.0,0", "1e-320,0", "1.5,1.5", "-255.5,-256"})
    void aNumberRoundsToSevenBinaryDigits(double x, double expected) {
        int bucket = BucketCounts.bucketOf(x);
        double size = Double.longBitsToDouble((long) Math.abs(bucket) << 46);
        assertThat(Math.signum(bucket) * size).isEqualTo(expected == 0 ? 0.0 : expected);
    }

    @Test
    void theLargestNumbersHaveAFiniteBucket() {
        assertThat(BucketCounts.bucketOf(Double.MAX_VALUE)).isEqualTo((2047 << 6) - 1);
        assertThat(BucketCounts.bucketOf(-Double.MAX_VALUE)).isEqualTo(1 - (2047 << 6));
    }

    /** The same bytes as in tests/compiler/test_buckets.py. */
    @Test
    void theBytesAreThoseOfPython() {
        byte[] expected = HexFormat.of().parseHex(
                "ffff0040" + "0000000000000001" + "00000000" + "0000000000000002" + "0000ffc0" + "0000000000000003");
        assertThat(bytes(1.0, 0.0, null, -1.0, 1.0, 1e-300, 0.999)).isEqualTo(expected);
        assertThat(bytes((Double) null)).isNull();
        assertThat(bytes()).isNull();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6})
    void anyOrderAndAnySplitGiveTheSameBytes(int seed) {
        Random random = new Random(seed);
        List<Double> numbers = new ArrayList<>();
        for (int i = 0; i < 3000; i++) {
            numbers.add((random.nextBoolean() ? 1 : -1) * Math.scalb(random.nextDouble(), random.nextInt(20 * seed)));
        }
        byte[] whole = function.getValue(accumulate(numbers));
        for (int round = 0; round < 5; round++) {
            Collections.shuffle(numbers, random);
            int cut = random.nextInt(numbers.size());
            RowData left = accumulate(numbers.subList(0, cut));
            RowData right = accumulate(numbers.subList(cut, numbers.size()));
            function.merge(left, List.of(right, function.createAccumulator()));
            assertThat(function.getValue(left)).isEqualTo(whole);
        }
        assertThat(decoded(whole)).isEqualTo(expected(numbers));
    }

    @Test
    void thereAreAtMost4097Buckets() {
        Random random = new Random(1);
        List<Double> numbers = new ArrayList<>();
        for (int i = 0; i < 300_000; i++) {
            double number = Double.longBitsToDouble(random.nextLong());
            numbers.add(Double.isFinite(number) ? number : 0.0);
        }
        numbers.add(Double.MAX_VALUE);
        assertThat(function.getValue(accumulate(numbers)).length).isLessThanOrEqualTo(4097 * ENTRY);
    }

    @Test
    void stateHasLittleRoomBesideItsBuckets() {
        List<Double> numbers = new ArrayList<>();
        for (int i = 0; i < 4000; i++) {
            numbers.add((i % 2 == 0 ? 1 : -1) * Math.scalb(1 + (i / 2 % 64) / 64.0, i / 128));
        }
        RowData acc = accumulate(numbers);
        assertThat(acc.getInt(1)).isEqualTo(4000);
        assertLittleRoom(acc);
        function.merge(acc, List.of(accumulate(numbers)));
        assertThat(acc.getInt(1)).isEqualTo(4000);
        assertLittleRoom(acc);
        function.accumulate(acc, Double.MAX_VALUE);
        assertThat(acc.getInt(1)).isEqualTo(2);
        assertLittleRoom(acc);
    }

    /** What lies in state: the entries, and an eighth of room at most. */
    private static void assertLittleRoom(RowData acc) {
        int size = acc.getInt(1);
        assertThat(size).isLessThanOrEqualTo(4097);
        assertThat(acc.getBinary(0).length).isLessThanOrEqualTo((size + size / 8) * ENTRY);
    }

    private static Map<Double, Long> decoded(byte[] bytes) {
        Map<Double, Long> found = new TreeMap<>();
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
            int bucket = buffer.getInt();
            double size = Double.longBitsToDouble((long) Math.abs(bucket) << 46);
            found.put(bucket < 0 ? -size : size, buffer.getLong());
        }
        return found;
    }

    private static Map<Double, Long> expected(List<Double> numbers) {
        double largest = numbers.stream().mapToDouble(x -> Math.abs(rounded(x))).max().orElseThrow();
        Map<Double, Long> found = new TreeMap<>();
        for (double number : numbers) {
            double rounded = rounded(number);
            found.merge(Math.abs(rounded) <= largest / (1L << 32) ? 0.0 : rounded, 1L, Long::sum);
        }
        return found;
    }
}
