package io.headrace.flink.functions;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.apache.datasketches.memory.Memory;
import org.apache.datasketches.theta.CompactSketch;
import org.apache.datasketches.theta.SetOperation;
import org.apache.datasketches.theta.Union;
import org.apache.datasketches.theta.UpdateSketch;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HrDistinctTest {

    private final HrDistinct function = new HrDistinct();

    private RowData accumulate(List<?> values) {
        RowData acc = function.createAccumulator();
        values.forEach(value -> function.accumulate(acc, value));
        return acc;
    }

    private byte[] sketch(List<?> values) {
        return function.getValue(accumulate(values));
    }

    private static List<Long> numbers(int from, int to) {
        List<Long> numbers = new ArrayList<>();
        for (long i = from; i < to; i++) {
            numbers.add(i);
        }
        return numbers;
    }

    private static UpdateSketch library(List<Long> numbers) {
        UpdateSketch sketch = UpdateSketch.builder().setNominalEntries(SmallestHashes.NOMINAL).build();
        numbers.forEach(sketch::update);
        return sketch;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 17, 1000, 4096})
    void bytesAreTheLibrarysWhileExact(int n) {
        byte[] expected = library(numbers(0, n)).compact(true, null).toByteArray();
        assertThat(sketch(numbers(0, n))).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(ints = {4097, 5000, 8192, 100_000})
    void bytesAreTheLibrarysUnionWhenEstimating(int n) {
        Union union = SetOperation.builder().setNominalEntries(SmallestHashes.NOMINAL).buildUnion();
        union.union(library(numbers(0, n)).compact(true, null));
        assertThat(sketch(numbers(0, n))).isEqualTo(union.getResult(true, null).toByteArray());
    }

    @Test
    void theEstimateIsWithinThreeStandardErrors() {
        double estimate = CompactSketch.heapify(Memory.wrap(sketch(numbers(0, 200_000)))).getEstimate();
        assertThat(estimate).isBetween(200_000 * 0.952, 200_000 * 1.048);
    }

    @ParameterizedTest
    @ValueSource(ints = {10, 3000, 6000, 40_000})
    void anyOrderAndAnySplitGiveTheSameBytes(int n) {
        List<Long> values = numbers(0, n);
        values.addAll(numbers(0, n / 3));
        byte[] whole = sketch(values);
        Random random = new Random(n);
        for (int round = 0; round < 5; round++) {
            Collections.shuffle(values, random);
            int cut = random.nextInt(values.size());
            RowData left = accumulate(values.subList(0, cut));
            function.merge(left, List.of(accumulate(values.subList(cut, values.size())), function.createAccumulator()));
            assertThat(function.getValue(left)).isEqualTo(whole);
        }
    }

    @Test
    void everyTypeHashesLikeTheLibrary() {
        assertThat(sketch(List.of(7, 8))).isEqualTo(sketch(List.of(7L, 8L)));
        assertThat(sketch(List.of(true, false))).isEqualTo(sketch(List.of(1L, 0L)));
        UpdateSketch doubles = UpdateSketch.builder().build();
        doubles.update(0.0);
        doubles.update(1.5);
        assertThat(sketch(List.of(-0.0, 0.0, 1.5))).isEqualTo(doubles.compact(true, null).toByteArray());
        UpdateSketch texts = UpdateSketch.builder().build();
        texts.update("abc");
        texts.update("Zürich");
        assertThat(sketch(List.of(StringData.fromString("abc"), StringData.fromString("Zürich"))))
                .isEqualTo(texts.compact(true, null).toByteArray());
    }

    @Test
    void anEmptyStringCountsAndNullDoesNot() {
        List<Object> values = new ArrayList<>(List.of(StringData.fromString(""), StringData.fromString("")));
        values.add(null);
        assertThat(sketch(values)).isEqualTo(sketch(List.of(-1L)));
        assertThat(sketch(Collections.singletonList(null))).isEqualTo(sketch(List.of()));
    }
}
