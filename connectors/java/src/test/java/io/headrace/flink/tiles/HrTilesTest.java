package io.headrace.flink.tiles;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.headrace.flink.functions.HrLast;
import io.headrace.flink.functions.HrMoments;
import io.headrace.flink.functions.SqlJobs;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.utils.JoinedRowData;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.junit.jupiter.api.Test;

class HrTilesTest {

    private static final StringData ALL = StringData.fromString("slgSLG");
    private static final StringData PLACED = StringData.fromString("MnN");
    private static final long INNER = 10;
    private static final int FIELDS = 9;

    private final HrTiles function = new HrTiles();

    @Test
    void anyOrderAndAnySplitGiveTheSameTiles() {
        Random random = new Random(7);
        for (int round = 0; round < 200; round++) {
            List<RowData> parts = List.of(group(), group(), group());
            Map<Long, List<Long>> events = new HashMap<>();
            for (int i = random.nextInt(1, 40); i > 0; i--) {
                long us = random.nextLong(60);
                add(parts.get(random.nextInt(parts.size())), us);
                events.computeIfAbsent(us - us % INNER, start -> new ArrayList<>()).add(us);
                events.computeIfAbsent(null, start -> new ArrayList<>()).add(us);
            }
            RowData whole = group();
            function.merge(whole, parts.subList(0, 1));
            function.merge(whole, parts.subList(1, parts.size()));
            Map<Long, List<Object>> expected = new HashMap<>();
            events.forEach((start, times) -> expected.put(start, expected(times)));
            assertThat(value(whole)).isEqualTo(expected);
        }
    }

    /** The events of a tile by a plain loop; every fourth event has no values. */
    private static List<Object> expected(List<Long> times) {
        List<Long> xs = times.stream().filter(us -> us % 4 != 0).map(us -> us - 30).toList();
        List<Object> fields = new ArrayList<>();
        fields.add((long) times.size());
        fields.add(times.stream().max(Long::compare).get());
        for (boolean floats : List.of(false, true)) {
            fields.add(xs.stream().reduce(Long::sum).map(x -> floats ? (Object) (double) x : x).orElse(null));
            fields.add(xs.stream().min(Long::compare).map(x -> floats ? (Object) (double) x : x).orElse(null));
            fields.add(xs.stream().max(Long::compare).map(x -> floats ? (Object) (double) x : x).orElse(null));
        }
        return fields;
    }

    @Test
    void aTileIsGivenOutOnceForEachTimeThatItChanges() {
        RowData group = group();
        add(group, 1);
        add(group, 11);
        assertThat(value(group)).containsOnlyKeys(0L, 10L, null);
        assertThat(value(group)).isEmpty();
        RowData more = group();
        add(more, 12);
        function.merge(group, List.of(more));
        Map<Long, List<Object>> changed = value(group);
        assertThat(changed).containsOnlyKeys(10L, null);
        assertThat(changed.get(10L)).startsWith(2L, 12L);
        assertThat(changed.get(null)).startsWith(3L, 12L);
    }

    @Test
    void ofAGroupThatCannotBeChangedNothingIsGivenOut() {
        RowData group = group();
        add(group, 1);
        assertThatThrownBy(() -> function.getValue(new JoinedRowData(group, new GenericRowData(0))))
                .isInstanceOf(ClassCastException.class);
    }

    @Test
    void whatIsMergedStaysAsItWas() {
        RowData part = group();
        add(part, 1);
        RowData whole = group();
        function.merge(whole, List.of(part));
        add(whole, 2);
        assertThat(value(part).get(0L)).startsWith(1L, 1L);
    }

    @Test
    void momentsAndEndsOfATileAreThoseOfItsRowsAlone() {
        Random random = new Random(11);
        for (int round = 0; round < 200; round++) {
            List<RowData> bundles = List.of(group(), group(), group());
            Map<Long, List<Alone>> alone = new HashMap<>();
            for (int i = random.nextInt(1, 40); i > 0; i--) {
                int bundle = random.nextInt(bundles.size());
                Double x = random.nextInt(4) == 0 ? null : 1e6 + random.nextDouble();
                Long place = random.nextInt(5) == 0 ? null : random.nextLong(6) * 64 + i;
                long start = random.nextLong(3) * INNER;
                function.accumulate(bundles.get(bundle), PLACED, start, start, placed(x, place));
                for (Long tile : Arrays.asList(start, null)) {
                    alone.computeIfAbsent(tile, key -> List.of(new Alone(), new Alone(), new Alone()))
                            .get(bundle)
                            .add(x, place);
                }
            }
            RowData whole = group();
            function.merge(whole, bundles);
            Map<Long, List<Object>> found = value(whole, 3 + 11);
            assertThat(found.keySet()).isEqualTo(alone.keySet());
            alone.forEach((start, parts) -> Alone.of(parts).check(found.get(start), start != null));
        }
    }

    /** Values for `PLACED`: the moments of x, and x as an integer and as it is, at a place in three parts. */
    private static Object[] placed(Double x, Long place) {
        Long n = x == null ? 0L : 1L;
        Long whole = x == null ? null : x.longValue();
        return new Object[] {n, x, 0.0, whole, place, place, place, x, place, place, place};
    }

    /** The aggregates that keep a state for each level, over the rows of one tile in one bundle. */
    private static final class Alone {

        private final HrMoments moments = new HrMoments();
        private final HrLast last = new HrLast();
        private final RowData spread = moments.createAccumulator();
        private final RowData newest = last.createAccumulator();

        void add(Double x, Long place) {
            moments.accumulate(spread, x);
            last.accumulate(newest, x, place, place == null ? null : place.intValue(), place);
        }

        static Alone of(List<Alone> parts) {
            Alone whole = new Alone();
            whole.moments.merge(whole.spread, parts.stream().map(part -> part.spread).toList());
            whole.last.merge(whole.newest, parts.stream().map(part -> part.newest).toList());
            return whole;
        }

        /** Those of a tile are equal to the bit; of the tiles together in another order, so in all but the last. */
        void check(List<Object> tile, boolean toTheBit) {
            RowData expected = moments.getValue(spread);
            Object n = tile.get(2);
            assertThat(n == null ? 0L : n).isEqualTo(expected.getLong(0));
            for (int field = 1; field < 3; field++) {
                Double found = (Double) tile.get(2 + field);
                if (expected.isNullAt(field) || toTheBit) {
                    assertThat(found).isEqualTo(((GenericRowData) expected).getField(field));
                } else {
                    assertThat(found).isCloseTo(expected.getDouble(field), within(1e-6));
                }
            }
            GenericRowData row = (GenericRowData) last.getValue(newest);
            Double x = row == null ? null : (Double) row.getField(0);
            Long place = row == null ? null : row.getLong(1);
            Long whole = x == null ? null : x.longValue();
            assertThat(tile.subList(5, 13)).containsExactly(whole, place, place, place, x, place, place, place);
        }
    }

    @Test
    void whatAnEarlierJobKeptIsReadAsItWasWritten() {
        ByteBuffer words = ByteBuffer.allocate(6 * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        words.putLong(10).putLong(2).putLong(17).putLong(Long.MIN_VALUE | 2).putLong(0);
        words.putLong(Double.doubleToRawLongBits(1.5));
        RowData group = GenericRowData.of(StringData.fromString("sG"), words.array());
        List<Object> tile = Arrays.asList(2L, 17L, null, 1.5);
        Map<Long, List<Object>> expected = new HashMap<>();
        expected.put(10L, tile);
        expected.put(null, tile);
        assertThat(value(group, 5)).isEqualTo(expected);
    }

    @Test
    void anUnknownOperationIsAnError() {
        assertThatThrownBy(() -> function.accumulate(group(), StringData.fromString("x"), 0L, 0L, 1L))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'x'");
    }

    @Test
    void moreValuesThanAreKeptAreAnError() {
        assertThatThrownBy(() -> function.accumulate(group(), StringData.fromString("s"), 0L, 0L, 1L, 2L))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("expected 1 values, found 2");
    }

    @Test
    void aValueOfAnotherTypeIsRefused() {
        TableEnvironment env = SqlJobs.environment();
        assertThatThrownBy(() -> env.explainSql("SELECT HR_TILES('s', 1, 1, 'text') FROM (VALUES 1)"))
                .rootCause()
                .hasMessageContaining("BIGINT");
    }

    @Test
    void aJobGivesOutEachVersionAndTakesNoneBack() throws Exception {
        TableEnvironment env = SqlJobs.environment();
        SqlJobs.set(env, "table.exec.mini-batch.size", "100");
        env.executeSql(
                "CREATE TEMPORARY TABLE numbers (i BIGINT) WITH ('connector'='datagen', 'number-of-rows'='1000',"
                        + " 'fields.i.kind'='sequence', 'fields.i.start'='0', 'fields.i.end'='999')");
        List<Row> rows = SqlJobs.collect(
                env,
                "SELECT k, hour_start, t.`start`, t.n, t.us, t.x1, t.x2 FROM (SELECT CAST(MOD(i, 3) AS BIGINT) AS k,"
                        + " i - MOD(i, 500) AS hour_start, HR_TILES('sG', i - MOD(i, 50), i, i * 7,"
                        + " CAST(i AS DOUBLE)) AS tiles FROM numbers GROUP BY CAST(MOD(i, 3) AS BIGINT), i - MOD(i, 500))"
                        + " CROSS JOIN UNNEST(tiles) AS t (`start`, n, us, x1, x2)");
        Map<List<Object>, Row> newest = new HashMap<>();
        Set<List<Object>> told = new HashSet<>();
        for (Row row : rows) {
            assertThat(row.getKind()).isIn(RowKind.INSERT, RowKind.UPDATE_AFTER);
            Object start = row.getField(2) == null ? "whole" : row.getField(2);
            List<Object> tile = List.of(row.getField(0), row.getField(1), start);
            assertThat(told.add(List.of(tile, row.getField(3)))).isTrue();
            newest.merge(tile, row, (a, b) -> (long) a.getField(3) > (long) b.getField(3) ? a : b);
        }
        assertThat(newest).hasSize(3 * (1000 / 50 + 1000 / 500));
        newest.forEach((tile, row) -> {
            boolean whole = tile.get(2) instanceof String;
            long from = (long) (whole ? tile.get(1) : tile.get(2));
            List<Long> events = new ArrayList<>();
            for (long i = from; i < from + (whole ? 500 : 50); i++) {
                if (i % 3 == (long) tile.get(0)) {
                    events.add(i);
                }
            }
            long last = events.get(events.size() - 1);
            long sum = events.stream().mapToLong(i -> i * 7).sum();
            assertThat(List.of(row.getField(3), row.getField(4), row.getField(5), row.getField(6)))
                    .isEqualTo(List.of((long) events.size(), last, sum, (double) last));
        });
    }

    private RowData group() {
        return function.createAccumulator();
    }

    private void add(RowData group, long us) {
        Long x = us % 4 == 0 ? null : us - 30;
        Double y = x == null ? null : x.doubleValue();
        function.accumulate(group, ALL, us - us % INNER, us, x, x, x, y, y, y);
    }

    private Map<Long, List<Object>> value(RowData group) {
        return value(group, FIELDS);
    }

    private Map<Long, List<Object>> value(RowData group, int size) {
        ArrayData rows = function.getValue(group);
        Map<Long, List<Object>> tiles = new HashMap<>();
        for (int i = 0; i < rows.size(); i++) {
            RowData row = rows.getRow(i, size);
            List<Object> fields = new ArrayList<>();
            for (int field = 1; field < size; field++) {
                fields.add(((GenericRowData) row).getField(field));
            }
            assertThat(tiles.put(row.isNullAt(0) ? null : row.getLong(0), fields)).isNull();
        }
        return tiles;
    }
}
