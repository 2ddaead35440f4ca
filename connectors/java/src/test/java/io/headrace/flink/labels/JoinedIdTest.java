package io.headrace.flink.labels;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Facts of one id with a wait of 10 µs and a retention of 20: the last is that of a rule, whatever the order. */
class JoinedIdTest {

    private static final Durations DURATIONS = new Durations(10, 30, 100, null);
    private static final int EXAMPLES = 5_000;

    private final Told told = new Told();
    private final JoinedId id = new JoinedId(DURATIONS, told);

    /** Writes down what it is told. */
    private static final class Told implements JoinedId.Listener {

        final List<String> facts = new ArrayList<>();
        final List<String> letters = new ArrayList<>();

        @Override
        public void fact(Outcome outcome, int number, Arrived row, Arrived label) {
            facts.add(number + " " + outcome + " " + text(row, label));
        }

        @Override
        public void letter(Outcome outcome, Arrived lost) {
            letters.add(outcome + " " + lost.us() + "/" + lost.offset());
        }
    }

    private static String text(Arrived row, Arrived label) {
        return row.us() + "/" + row.offset() + " " + (label == null ? "missing" : label.us() + "/" + label.offset());
    }

    private static Arrived row(long us, long offset) {
        return new Arrived(false, us, 0, offset, null);
    }

    private static Arrived label(long us, long offset) {
        return new Arrived(true, us, 0, offset, null);
    }

    @Test
    void aLabelInTimeIsToldAtOnceAndOnce() {
        id.add(row(100, 0));
        assertThat(told.facts).isEmpty();
        id.add(label(109, 0));
        assertThat(told.facts).containsExactly("1 LABELLED 100/0 109/0");
        id.waited();
        id.forget();
        assertThat(told.facts).hasSize(1);
        assertThat(told.letters).isEmpty();
    }

    @Test
    void aLateLabelIsToldAfterTheMissingOneWhicheverComesFirst() {
        id.add(label(110, 0));
        id.add(row(100, 0));
        assertThat(told.facts).isEmpty();
        id.waited();
        assertThat(told.facts).containsExactly("1 WAITED 100/0 missing", "2 CORRECTED 100/0 110/0");
    }

    @Test
    void aLabelInTimeThatIsReadAfterTheWaitCorrects() {
        id.add(row(100, 0));
        id.waited();
        id.add(label(105, 0));
        assertThat(told.facts).containsExactly("1 WAITED 100/0 missing", "2 CORRECTED 100/0 105/0");
    }

    @Test
    void anEarlierLabelTakesThePlaceOfALaterOne() {
        id.add(row(100, 0));
        id.add(label(105, 1));
        id.add(label(105, 0));
        assertThat(told.facts).containsExactly("1 LABELLED 100/0 105/1", "2 CORRECTED 100/0 105/0");
        assertThat(told.letters).containsExactly("DUPLICATE 105/1");
    }

    @Test
    void anEarlierRowTakesThePlaceOfALaterOneAndItsWaitCounts() {
        id.add(row(100, 1));
        id.add(label(105, 0));
        id.add(row(95, 2));
        assertThat(told.facts).containsExactly("1 LABELLED 100/1 105/0");
        id.waited();
        assertThat(told.facts).containsExactly("1 LABELLED 100/1 105/0", "2 CORRECTED 95/2 105/0");
        assertThat(told.letters).containsExactly("REPEATED 100/1");
    }

    @Test
    void aLabelBeyondTheRetentionIsToldOfWhenTheIdIsForgotten() {
        id.add(row(100, 0));
        id.waited();
        id.add(label(130, 0));
        assertThat(told.letters).isEmpty();
        id.forget();
        assertThat(told.facts).containsExactly("1 WAITED 100/0 missing");
        assertThat(told.letters).containsExactly("TOO_LATE 130/0");
    }

    @Test
    void aLabelWithoutARowIsAnOrphan() {
        id.add(label(100, 0));
        id.waited();
        id.forget();
        assertThat(told.facts).isEmpty();
        assertThat(told.letters).containsExactly("ORPHAN 100/0");
    }

    @Test
    void nothingIsToldOfARowWhoseWaitEndsBehindTheHistory() {
        JoinedId open = new JoinedId(new Durations(10, 30, 100, 109L), told);
        open.add(row(100, 0));
        open.add(label(112, 0));
        open.waited();
        open.forget();
        assertThat(told.facts).isEmpty();
        assertThat(told.letters).isEmpty();
    }

    @Test
    void theMissingLabelIsToldOfARowWhoseWaitEndsWithTheHistory() {
        JoinedId over = new JoinedId(new Durations(10, 30, 100, 110L), told);
        over.add(row(100, 0));
        over.forget();
        assertThat(told.facts).containsExactly("1 WAITED 100/0 missing");
    }

    @Test
    void theLastFactDoesNotDependOnTheOrderNorOnTheWatermark() {
        Random random = new Random(7);
        for (int example = 0; example < EXAMPLES; example++) {
            List<Arrived> rows = some(random, false);
            List<Arrived> labels = some(random, true);
            List<Arrived> all = new ArrayList<>(rows);
            all.addAll(labels);
            Collections.shuffle(all, random);
            Told found = new Told();
            JoinedId joined = new JoinedId(DURATIONS, found);
            for (Arrived one : all) {
                joined.add(one);
                // A timer of the present row may fire at any time, and tells too early at worst.
                if (random.nextInt(4) == 0) {
                    joined.waited();
                }
            }
            joined.forget();
            assertThat(last(found.facts)).as("%s", all).isEqualTo(expected(rows, labels));
            assertThat(found.letters).as("%s", all).containsExactlyInAnyOrderElementsOf(letters(rows, labels));
        }
    }

    private static List<Arrived> some(Random random, boolean isLabel) {
        List<Arrived> found = new ArrayList<>();
        for (int offset = random.nextInt(4); offset > 0; offset--) {
            found.add(new Arrived(isLabel, 100 + random.nextInt(5) * 9, random.nextInt(2), offset, null));
        }
        return found;
    }

    private static Optional<String> last(List<String> facts) {
        return facts.isEmpty()
                ? Optional.empty()
                : Optional.of(facts.get(facts.size() - 1).split(" ", 3)[2]);
    }

    private static Optional<Arrived> first(List<Arrived> rows) {
        return rows.stream()
                .min(Comparator.comparing(Arrived::us).thenComparing(Arrived::partition).thenComparing(Arrived::offset));
    }

    private static Optional<String> expected(List<Arrived> rows, List<Arrived> labels) {
        return first(rows)
                .map(row -> text(row, first(labels).filter(label -> label.us() < row.us() + 30).orElse(null)));
    }

    private static List<String> letters(List<Arrived> rows, List<Arrived> labels) {
        List<String> found = new ArrayList<>();
        Optional<Arrived> row = first(rows);
        Optional<Arrived> label = first(labels);
        rows.stream().filter(one -> one != row.get()).forEach(one -> found.add(letter(Outcome.REPEATED, one)));
        labels.stream().filter(one -> one != label.get()).forEach(one -> found.add(letter(Outcome.DUPLICATE, one)));
        if (label.isPresent() && row.isEmpty()) {
            found.add(letter(Outcome.ORPHAN, label.get()));
        } else if (label.isPresent() && label.get().us() >= row.get().us() + 30) {
            found.add(letter(Outcome.TOO_LATE, label.get()));
        }
        return found;
    }

    private static String letter(Outcome outcome, Arrived lost) {
        return outcome + " " + lost.us() + "/" + lost.offset();
    }
}
