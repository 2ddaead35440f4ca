package io.headrace.flink.labels;

import java.util.Objects;

/**
 * One id: the first of its logged rows and the first of its labels so far, and what was last told of them.
 *
 * <p>A fact is told whenever it differs from the one that was told last, so the last fact does not depend on the order
 * in which rows are read, nor on how the watermark ran meanwhile.
 */
final class JoinedId {

    /** Who is told. */
    interface Listener {

        /** A fact of a row, the number of facts of its id, and its label; NULL for the missing one. */
        void fact(Outcome outcome, int number, Arrived row, Arrived label);

        /** A row that is joined with nothing. */
        void letter(Outcome outcome, Arrived lost);
    }

    private final Durations durations;
    private final Listener listener;

    Arrived row;
    Arrived label;

    /** The newest time of all rows of this id, those that do not count included. */
    long newest = Long.MIN_VALUE;

    int facts;

    /** Whether the last fact is of the present row. */
    boolean rowTold;

    /** Whether the last fact had the present label (true) or the missing one (false); NULL: another one, or no fact. */
    Boolean labelTold;

    JoinedId(Durations durations, Listener listener) {
        this.durations = durations;
        this.listener = listener;
    }

    void add(Arrived added) {
        newest = Math.max(newest, added.us());
        if (added.isLabel()) {
            addLabel(added);
        } else {
            addRow(added);
        }
        settle(false);
    }

    /** The watermark has passed the end of the wait for the label of the present row. */
    void waited() {
        settle(true);
    }

    /** No further row is expected: a label that can be in no fact is told of. */
    void forget() {
        settle(true);
        if (label != null && row == null) {
            listener.letter(Outcome.ORPHAN, label);
        } else if (label != null && !durations.counts(label, row)) {
            listener.letter(Outcome.TOO_LATE, label);
        }
    }

    private void addRow(Arrived added) {
        if (row != null) {
            listener.letter(Outcome.REPEATED, later(row, added));
        }
        if (row == null || Arrived.ORDER.compare(added, row) < 0) {
            row = added;
            rowTold = false;
        }
    }

    private void addLabel(Arrived added) {
        if (label != null) {
            listener.letter(Outcome.DUPLICATE, later(label, added));
        }
        if (label == null || Arrived.ORDER.compare(added, label) < 0) {
            label = added;
            labelTold = Boolean.TRUE.equals(labelTold) ? null : labelTold;
        }
    }

    private static Arrived later(Arrived one, Arrived other) {
        return Arrived.ORDER.compare(other, one) < 0 ? one : other;
    }

    /** A label that is late waits for the missing one to be told, so that both facts are there or none. */
    private void settle(boolean waited) {
        if (row == null) {
            return;
        }
        if (label != null && durations.isInTime(label, row)) {
            tell(true);
        } else if (rowTold || (waited && durations.isOver(row))) {
            if (facts == 0) {
                tell(false);
            }
            tell(label != null && durations.counts(label, row));
        }
    }

    private void tell(boolean labelled) {
        if (rowTold && Objects.equals(labelTold, labelled)) {
            return;
        }
        Outcome first = labelled ? Outcome.LABELLED : Outcome.WAITED;
        facts++;
        rowTold = true;
        labelTold = labelled;
        listener.fact(facts == 1 ? first : Outcome.CORRECTED, facts, row, labelled ? label : null);
    }
}
