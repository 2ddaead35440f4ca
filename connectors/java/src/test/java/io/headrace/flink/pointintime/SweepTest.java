package io.headrace.flink.pointintime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headrace.flink.pointintime.Question.Group;
import io.headrace.flink.pointintime.Question.Kept;
import io.headrace.flink.pointintime.Question.Window;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.BooleanType;
import org.apache.flink.table.types.logical.IntType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Answers against a loop over all events: ties, late arrivals, edges of windows and tiles, runs of many nodes. */
class SweepTest {

    private static final RowType COLUMNS =
            RowType.of(
                    new LogicalType[] {
                        new BigIntType(), new BigIntType(), new BigIntType(), new IntType(), new BigIntType(),
                        new BooleanType(), new BigIntType()
                    },
                    new String[] {"_row", "_us", "_arrival_us", "_src_partition", "_src_offset", "_in1", "x"});
    private static final List<Kept> PARTIALS =
            Stream.of("sum", "first", "last", "count").map(kind -> new Kept(kind, "x", 0, "total")).toList();
    private static final List<Integer> ALL = List.of(0, 1, 2, 3);
    private static final List<Window> WINDOWS =
            List.of(
                    new Window(0, ALL, false, 30L, null, 0, null, null),
                    new Window(0, ALL, false, 30L, 8L, 0, 4L, null),
                    new Window(0, ALL, true, 30L, null, 0, null, null),
                    new Window(0, ALL, false, 37L, null, 7, null, null),
                    new Window(0, ALL, false, null, null, 0, null, null));

    private static GenericRowData event(Random random, long offset, int span) {
        long us = random.nextInt(span);
        Long x = random.nextInt(5) == 0 ? null : (long) random.nextInt(1_000);
        return GenericRowData.of(
                null, us, us + random.nextInt(9) * random.nextInt(2), random.nextInt(2), offset,
                random.nextInt(4) > 0, x);
    }

    private static GenericRowData asked(long row, long us) {
        return GenericRowData.of(row, us, null, null, null, null, null);
    }

    private static List<RowData> answers(Question question, List<RowData> rows) {
        List<RowData> found = new ArrayList<>();
        new Sweep(question, COLUMNS).answers(rows, found::add);
        found.sort(Comparator.comparingLong(row -> row.getLong(0)));
        return found;
    }

    @ParameterizedTest
    @CsvSource({"0,20", "1,20", "3,20", "16,40", "17,60", "400,90", "5000,120"})
    void everyAnswerIsThatOfALoop(int events, int span) {
        Random random = new Random(events);
        List<GenericRowData> history =
                new ArrayList<>(IntStream.range(0, events).mapToObj(i -> event(random, i, span)).toList());
        Collections.shuffle(history, random);
        List<RowData> rows = new ArrayList<>(history);
        IntStream.range(0, span + 10).forEach(i -> rows.add(random.nextInt(rows.size() + 1), asked(i, i)));
        for (boolean byArrival : new boolean[] {false, true}) {
            Question question = new Question(byArrival, List.of(new Group("_in1", PARTIALS)), WINDOWS, Map.of());
            List<RowData> found = answers(question, rows);
            assertThat(found).hasSize(span + 10);
            found.forEach(row -> assertThat(row).isEqualTo(expected(history, row.getLong(0), byArrival)));
        }
    }

    /** What a row asked at its own number knows, by the contract. */
    private static RowData expected(List<GenericRowData> history, long t, boolean byArrival) {
        Predicate<GenericRowData> isKnown = e -> e.getLong(1) < t && (!byArrival || e.getLong(2) < t);
        List<GenericRowData> known = history.stream().filter(isKnown).sorted(ORDER).toList();
        if (known.isEmpty()) {
            return GenericRowData.of(t, null, null, null, null, null, null);
        }
        long seen = known.get(known.size() - 1).getLong(1);
        return GenericRowData.of(
                t,
                seen,
                cell(known, us -> us >= t - 30),
                cell(known, us -> us >= Math.floorDiv(t - 30, 8L) * 8 && us < Math.floorDiv(t, 4L) * 4),
                cell(known, us -> us >= seen + 1 - 30),
                cell(known, us -> us >= t - 37 && us < t - 7),
                cell(known, us -> true));
    }

    private static final Comparator<GenericRowData> ORDER =
            Comparator.<GenericRowData>comparingLong(e -> e.getLong(1))
                    .thenComparingInt(e -> e.getInt(3))
                    .thenComparingLong(e -> e.getLong(4));

    private static RowData cell(List<GenericRowData> known, Predicate<Long> within) {
        List<GenericRowData> in = known.stream().filter(e -> e.getBoolean(5) && within.test(e.getLong(1))).toList();
        List<Long> values = in.stream().filter(e -> !e.isNullAt(6)).map(e -> e.getLong(6)).toList();
        List<Object> fields = new ArrayList<>(List.of((long) in.size()));
        fields.add(values.isEmpty() ? null : values.stream().mapToLong(x -> x).sum());
        place(fields, in.isEmpty() ? null : in.get(0));
        place(fields, in.isEmpty() ? null : in.get(in.size() - 1));
        fields.add((long) values.size());
        return GenericRowData.of(fields.toArray());
    }

    private static void place(List<Object> fields, GenericRowData event) {
        for (int field : new int[] {6, 1, 3, 4}) {
            fields.add(event == null ? null : event.getField(field));
        }
    }

    @Test
    void onlyASumThatIsAskedForCanOverflow() {
        List<RowData> rows = new ArrayList<>();
        for (long i = 0; i < 40; i++) {
            rows.add(GenericRowData.of(null, i, i, 0, i, true, Long.MAX_VALUE / 2));
        }
        Window two = new Window(0, List.of(0), false, 2L, null, 0, null, null);
        Question question = new Question(false, List.of(new Group("_in1", PARTIALS)), List.of(two), Map.of());
        rows.add(asked(0, 40));
        assertThat(answers(question, rows).get(0).getRow(2, 2).getLong(1)).isEqualTo(Long.MAX_VALUE - 1);
        Window three = new Window(0, List.of(0), false, 3L, null, 0, null, null);
        Question wider = new Question(false, List.of(new Group("_in1", PARTIALS)), List.of(three), Map.of());
        assertThatThrownBy(() -> answers(wider, rows))
                .isInstanceOf(ArithmeticException.class)
                .hasMessageContaining("feature 'total'");
    }
}
