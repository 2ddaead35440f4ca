package io.headrace.flink.pointintime;

import io.headrace.flink.functions.HrBuckets;
import io.headrace.flink.functions.HrDistinct;
import io.headrace.flink.functions.HrLast;
import io.headrace.flink.functions.HrLastN;
import io.headrace.flink.functions.HrMoments;
import io.headrace.flink.functions.HrSumOf;
import io.headrace.flink.functions.HrTally;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;

/** The partials that a cell can have, by kind: those of the tiles, and made by the same functions. */
final class Partials {

    private static final long HALF = 1L << 32;

    private static final Map<String, BiFunction<Question.Kept, LogicalType, Partial>> KINDS =
            Map.ofEntries(
                    Map.entry("count", (kept, type) -> count()),
                    Map.entry("sum", (kept, type) -> type.is(LogicalTypeRoot.DOUBLE) ? sum() : exactSum(kept)),
                    Map.entry("min", (kept, type) -> extreme(-1)),
                    Map.entry("max", (kept, type) -> extreme(1)),
                    Map.entry("moments", (kept, type) -> moments()),
                    Map.entry("first", (kept, type) -> placed(-1)),
                    Map.entry("last", (kept, type) -> placed(1)),
                    Map.entry("newest", (kept, type) -> newest(kept.size())),
                    Map.entry("distinct", (kept, type) -> distinct()),
                    Map.entry("buckets", (kept, type) -> buckets()),
                    Map.entry("tally", (kept, type) -> tally()));

    private Partials() {}

    static Partial of(Question.Kept kept, LogicalType type) {
        BiFunction<Question.Kept, LogicalType, Partial> kind = KINDS.get(kept.kind());
        if (kind == null) {
            throw new IllegalArgumentException("no partial of kind " + kept.kind());
        }
        return kind.apply(kept, type);
    }

    private interface Adder {
        void add(RowData kept, Event event, Object argument);
    }

    private record Made(
            Supplier<RowData> start,
            Adder adder,
            BiConsumer<RowData, Iterable<RowData>> merger,
            Function<RowData, Object[]> value)
            implements Partial {

        @Override
        public RowData empty() {
            return start.get();
        }

        @Override
        public void add(RowData kept, Event event, Object argument) {
            adder.add(kept, event, argument);
        }

        @Override
        public void merge(RowData kept, Iterable<RowData> others) {
            merger.accept(kept, others);
        }

        @Override
        public Object[] fields(RowData kept) {
            return value.apply(kept);
        }
    }

    private static Partial count() {
        return new Made(
                () -> GenericRowData.of(0L),
                (kept, event, argument) -> plus(kept, 0, argument == null ? 0L : 1L),
                (kept, others) -> others.forEach(other -> plus(kept, 0, other.getLong(0))),
                kept -> new Object[] {kept.getLong(0)});
    }

    /** A sum of floats. */
    private static Partial sum() {
        return new Made(
                () -> new GenericRowData(1),
                (kept, event, argument) -> plus(kept, (Double) argument),
                (kept, others) -> others.forEach(other -> plus(kept, (Double) field(other, 0))),
                kept -> new Object[] {field(kept, 0)});
    }

    private static void plus(RowData kept, Double x) {
        if (x != null) {
            ((GenericRowData) kept).setField(0, kept.isNullAt(0) ? x : kept.getDouble(0) + x);
        }
    }

    /** A sum of integers as the tiles' job has it: two sums that wrap around, and only what is asked for can fail. */
    private static Partial exactSum(Question.Kept asked) {
        HrSumOf whole = new HrSumOf();
        StringData label = StringData.fromString(asked.label());
        return new Made(
                () -> GenericRowData.of(0L, 0L, false),
                (kept, event, argument) -> plus(kept, (Long) argument),
                (kept, others) -> others.forEach(other -> plus(kept, other)),
                kept -> new Object[] {kept.getBoolean(2) ? whole.eval(kept.getLong(0), kept.getLong(1), label) : null});
    }

    private static void plus(RowData kept, Long x) {
        if (x != null) {
            plus(kept, GenericRowData.of(x, x / HALF, true));
        }
    }

    private static void plus(RowData kept, RowData other) {
        plus(kept, 0, other.getLong(0));
        plus(kept, 1, other.getLong(1));
        ((GenericRowData) kept).setField(2, kept.getBoolean(2) || other.getBoolean(2));
    }

    private static void plus(RowData kept, int field, long x) {
        ((GenericRowData) kept).setField(field, kept.getLong(field) + x);
    }

    /** The greatest value, or with sign -1 the least. */
    private static Partial extreme(int sign) {
        return new Made(
                () -> new GenericRowData(1),
                (kept, event, argument) -> extend(kept, argument, sign),
                (kept, others) -> others.forEach(other -> extend(kept, field(other, 0), sign)),
                kept -> new Object[] {field(kept, 0)});
    }

    @SuppressWarnings("unchecked")
    private static void extend(RowData kept, Object x, int sign) {
        Object before = field(kept, 0);
        if (x != null && (before == null || sign * ((Comparable<Object>) x).compareTo(before) > 0)) {
            ((GenericRowData) kept).setField(0, x);
        }
    }

    private static Partial moments() {
        HrMoments all = new HrMoments();
        return new Made(
                all::createAccumulator,
                (kept, event, argument) -> all.accumulate(kept, asDouble(argument)),
                all::merge,
                kept -> fieldsOf(all.getValue(kept)));
    }

    /** The newest value; with sign -1 the oldest, which is the newest by the opposite of its place. */
    private static Partial placed(int sign) {
        HrLast all = new HrLast();
        return new Made(
                all::createAccumulator,
                (kept, event, argument) ->
                        all.accumulate(
                                kept, argument, sign * event.us(), sign * event.partition(), sign * event.offset()),
                all::merge,
                kept -> place(all.getValue(kept), sign));
    }

    private static Object[] place(RowData last, int sign) {
        if (last == null) {
            return new Object[4];
        }
        return new Object[] {field(last, 0), sign * last.getLong(1), sign * last.getInt(2), sign * last.getLong(3)};
    }

    private static Partial newest(int size) {
        HrLastN all = new HrLastN();
        return new Made(
                all::createAccumulator,
                (kept, event, argument) ->
                        all.accumulate(kept, argument, event.us(), event.partition(), event.offset(), size),
                all::merge,
                kept -> new Object[] {all.getValue(kept)});
    }

    private static Partial distinct() {
        HrDistinct all = new HrDistinct();
        return new Made(
                all::createAccumulator,
                (kept, event, argument) -> all.accumulate(kept, argument),
                all::merge,
                kept -> new Object[] {all.getValue(kept)});
    }

    private static Partial buckets() {
        HrBuckets all = new HrBuckets();
        return new Made(
                all::createAccumulator,
                (kept, event, argument) -> all.accumulate(kept, asDouble(argument)),
                all::merge,
                kept -> new Object[] {all.getValue(kept)});
    }

    private static Partial tally() {
        HrTally all = new HrTally();
        return new Made(
                all::createAccumulator,
                (kept, event, argument) -> all.accumulate(kept, argument),
                all::merge,
                kept -> new Object[] {all.getValue(kept)});
    }

    private static Double asDouble(Object number) {
        return number == null ? null : (Double) ((Number) number).doubleValue();
    }

    private static Object[] fieldsOf(RowData row) {
        Object[] fields = new Object[row.getArity()];
        for (int i = 0; i < fields.length; i++) {
            fields[i] = field(row, i);
        }
        return fields;
    }

    private static Object field(RowData row, int field) {
        return ((GenericRowData) row).getField(field);
    }
}
