package io.headrace.flink.asof;

import static org.assertj.core.api.Assertions.assertThat;

import io.headrace.flink.asof.Dimension.Version;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.junit.jupiter.api.Test;

/** What events see of versions, against a loop over all of them. */
class DimensionTest {

    private static final long DELAY = 3;
    private static final long UNTIL = 17;
    private static final int TIMES = 24;

    private static final AsOfQuestion QUESTION =
            new AsOfQuestion("Shops", Map.of(), List.of("k"), "since", DELAY, null, List.of("x"), null, null);

    private static Version version(long from, int partition, long offset) {
        return new Version(from, partition, offset, new Object[] {from * 1_000 + partition * 100 + offset});
    }

    private static RowData row(boolean beyond, Object x) {
        return GenericRowData.of(beyond, x);
    }

    private static boolean isAfter(Version one, Version other) {
        if (one.from() != other.from()) {
            return one.from() > other.from();
        }
        return one.partition() != other.partition()
                ? one.partition() > other.partition()
                : one.offset() > other.offset();
    }

    private static Object seen(List<Version> versions, long us) {
        Version best = null;
        for (Version version : versions) {
            if (version.from() <= us && (best == null || isAfter(version, best))) {
                best = version;
            }
        }
        return best == null ? null : best.values()[0];
    }

    @Test
    void anEventSeesTheGreatestVersionInEffect() {
        for (int seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            List<Version> versions = new ArrayList<>();
            for (int i = 0; i < random.nextInt(12); i++) {
                versions.add(version(random.nextInt(TIMES), i % 2, i));
            }
            Collections.shuffle(versions, random);
            Map<Object, List<Version>> byKey = new HashMap<>();
            byKey.put(1L, new ArrayList<>(versions));
            Dimension dimension = Dimension.of(QUESTION, 1, null, byKey);
            for (long us = -1; us <= TIMES; us++) {
                assertThat(dimension.seen(new Object[] {1L}, us)).isEqualTo(row(false, seen(versions, us)));
                assertThat(dimension.seen(new Object[] {2L}, us)).isEqualTo(row(false, null));
            }
        }
    }

    @Test
    void anEventBeyondWhatIsCompleteSeesNothingAndIsTold() {
        Dimension dimension = Dimension.of(QUESTION, 1, UNTIL, new HashMap<>());
        assertThat(dimension.seen(new Object[] {1L}, UNTIL + DELAY)).isEqualTo(row(false, null));
        assertThat(dimension.seen(new Object[] {1L}, UNTIL + DELAY + 1)).isEqualTo(row(true, null));
    }

    @Test
    void aKeyIsAllOfItsPartsAndNullIsNone() {
        Object key = Dimension.keyOf(new Object[] {StringData.fromString("nl"), 7L});
        assertThat(key).isEqualTo(List.of(StringData.fromString("nl"), 7L));
        assertThat(Dimension.keyOf(new Object[] {StringData.fromString("nl"), null})).isNull();
        assertThat(Dimension.keyOf(new Object[] {true})).isEqualTo(true);
    }

    @Test
    void aVersionIsLateThatWasNotThereWhenTheDimensionWasCompleteToIt() {
        Map<Object, List<Version>> then = Map.of(1L, new ArrayList<>(List.of(version(5, 0, 0))));
        Version last = version(UNTIL + DELAY, 0, 1);
        Version next = version(UNTIL + DELAY + 1, 0, 1);
        Dimension held = Dimension.of(QUESTION, 1, UNTIL, then);
        for (Version one : List.of(last, next)) {
            Map<Object, List<Version>> now = Map.of(1L, new ArrayList<>(List.of(version(5, 0, 0), one)));
            Dimension newer = Dimension.of(QUESTION, 2, UNTIL + 9, now);
            assertThat(newer.lateSince(held)).isEqualTo(one == last ? 1 : 0);
        }
    }
}
