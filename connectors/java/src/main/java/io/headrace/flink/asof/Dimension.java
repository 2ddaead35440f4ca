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
    private final Map<Object, Versions> byKey = new HashMap<>();
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

    Dimension(AsOfQuestion question, Map<Object, List<Version>> versions) {
        this.question = question;
        this.nothing = row(false, new Object[question.columns().size()]);
        this.beyond = row(true, new Object[question.columns().size()]);
        versions.forEach((key, found) -> byKey.put(key, sorted(found)));
    }

    /** What an event sees that sees no version. */
    RowData nothing() {
        return nothing;
    }

    /** What an event at a time, in µs, sees of a key in Flink's internal classes. */
    RowData seen(Object[] key, long us) {
        if (question.until() != null && us - question.delay() > question.until()) {
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
