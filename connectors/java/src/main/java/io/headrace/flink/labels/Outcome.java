package io.headrace.flink.labels;

/** What is told of a row; the numbers are those of {@code Outcome} in {@code compiler/label_join.py}. */
enum Outcome {
    LABELLED(1),
    WAITED(2),
    CORRECTED(3),
    REPEATED(4),
    DUPLICATE(5),
    TOO_LATE(6),
    ORPHAN(7);

    final int number;

    Outcome(int number) {
        this.number = number;
    }
}
