package io.headrace.flink.tiles;

import java.util.Map;
import java.util.function.LongBinaryOperator;

/** How two values of a tile become one; values are words, and a DOUBLE is its bits. */
enum Operation {
    SUM(Long::sum),
    LEAST(Math::min),
    GREATEST(Math::max),
    SUM_OF_DOUBLES((a, b) -> Double.doubleToRawLongBits(number(a) + number(b))),
    LEAST_DOUBLE((a, b) -> number(b) < number(a) ? b : a),
    GREATEST_DOUBLE((a, b) -> number(b) > number(a) ? b : a);

    private static final Map<Character, Operation> CODES =
            Map.of(
                    's', SUM, 'l', LEAST, 'g', GREATEST, 'S', SUM_OF_DOUBLES, 'L', LEAST_DOUBLE, 'G', GREATEST_DOUBLE);

    private final LongBinaryOperator merged;

    Operation(LongBinaryOperator merged) {
        this.merged = merged;
    }

    long of(long a, long b) {
        return merged.applyAsLong(a, b);
    }

    boolean isOfDoubles() {
        return ordinal() >= SUM_OF_DOUBLES.ordinal();
    }

    /** The operations by their letters. */
    static Operation[] of(String letters) {
        return letters.chars().mapToObj(letter -> byLetter((char) letter)).toArray(Operation[]::new);
    }

    private static Operation byLetter(char letter) {
        Operation operation = CODES.get(letter);
        if (operation == null) {
            throw new IllegalArgumentException("no operation '" + letter + "'");
        }
        return operation;
    }

    private static double number(long bits) {
        return Double.longBitsToDouble(bits);
    }
}
