package io.headrace.flink.asof;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;

/** The versions of a dimension in memory, by key and by the time from which each is in effect. */
final class Dimension {

    private final AsOfQuestion question;
    private final long snapshot;
    private final Long until;
    private final Map<Object, Versions> byKey;
    private final RowData nothing;
    private final RowData beyond;

    /** Of one key, in ascending order of time, one of each. */
    private record Versions(long[] from, RowData[] rows) {

        RowData at(long us) {
            int found = Arrays.binarySearch(from, us);
            int before = found >= 0 ? found : -found - 2;
            return before < 0 ? null : rows[before];
        }
    }

    /**
     * A row of the table.
     *
     * @param from the time from which it is in effect, in µs
     * @param values the columns that are looked up
     */
    record Version(long from, int partition, long offset, Object[] values) {}

    private static final Comparator<Version> ORDER = Comparator.comparingLong(Version::from)
            .thenComparingInt(Version::partition)
            .thenComparingLong(Version::offset);

    /**
     * The versions of a snapshot.
     *
     * @param until the time, in µs, to which it has all versions; NULL: to every time
     */
    static Dimension of(AsOfQuestion question, long snapshot, Long until, Map<Object, List<Version>> versions) {
        Map<Object, Versions> byKey = new HashMap<>();
        versions.forEach((key, found) -> byKey.put(key, sorted(found)));
        return new Dimension(question, snapshot, until, byKey);
    }

    private Dimension(AsOfQuestion question, long snapshot, Long until, Map<Object, Versions> byKey) {
        this.question = question;
        this.snapshot = snapshot;
        this.until = until;
        this.byKey = byKey;
        this.nothing = row(false, new Object[question.columns().size()]);
        this.beyond = row(true, new Object[question.columns().size()]);
    }

    /** The same versions, which are now known to be complete to a time, in µs. */
    Dimension completeTo(long time) {
        return new Dimension(question, snapshot, time, byKey);
    }

    /** The snapshot that these versions are of. */
    long snapshot() {
        return snapshot;
    }

    /** The time, in µs, to which it has all versions; null: to every time. */
    Long until() {
        return until;
    }

    /** Whether an event at a time, in µs, might see a version that is not here yet. */
    boolean isBeyond(long us) {
        return until != null && us - question.delay() > until;
    }

    /**
     * How many more versions it has than another, of the times to which the other was said to be complete: they were
     * written later than the dimension's delay allows, or fewer if negative.
     */
    long lateSince(Dimension other) {
        return other.until == null ? 0 : count(other.until) - other.count(other.until);
    }

    /** What an event sees that sees no version. */
    RowData nothing() {
        return nothing;
    }

    /** What an event at a time, in µs, sees of a key in Flink's internal classes. */
    RowData seen(Object[] key, long us) {
        if (isBeyond(us)) {
            return beyond;
        }
        Object whole = keyOf(key);
        Versions versions = whole == null ? null : byKey.get(whole);
        RowData found = versions == null ? null : versions.at(us);
        return found == null ? nothing : found;
    }

    /** A key as one value; null where a part of it is: NULL is no key. */
    static Object keyOf(Object[] parts) {
        for (Object part : parts) {
            if (part == null) {
                return null;
            }
        }
        return parts.length == 1 ? parts[0] : List.of(parts);
    }

    private long count(long time) {
        return byKey.values().stream()
                .flatMapToLong(versions -> Arrays.stream(versions.from()))
                .filter(from -> from - question.delay() <= time)
                .count();
    }

    /** Of versions of one time the last by position counts. */
    private static Versions sorted(List<Version> found) {
        found.sort(ORDER);
        List<Version> kept = new ArrayList<>(found.size());
        for (Version version : found) {
            if (!kept.isEmpty() && kept.get(kept.size() - 1).from() == version.from()) {
                kept.remove(kept.size() - 1);
            }
            kept.add(version);
        }
        return new Versions(
                kept.stream().mapToLong(Version::from).toArray(),
                kept.stream().map(version -> row(false, version.values())).toArray(RowData[]::new));
    }

    private static RowData row(boolean beyond, Object[] values) {
        GenericRowData row = new GenericRowData(1 + values.length);
        row.setField(0, beyond);
        for (int i = 0; i < values.length; i++) {
            row.setField(1 + i, values[i]);
        }
        return row;
    }
}
