package io.headrace.flink.tiles;

import java.util.function.LongBinaryOperator;

/** How two values of a tile become one, where one is all that is kept; a NULL is skipped. */
enum Operation implements Part {
    SUM(Long::sum),
    LEAST(Math::min),
    GREATEST(Math::max),
    SUM_OF_DOUBLES((a, b) -> Double.doubleToRawLongBits(number(a) + number(b))),
    LEAST_DOUBLE((a, b) -> number(b) < number(a) ? b : a),
    GREATEST_DOUBLE((a, b) -> number(b) > number(a) ? b : a);

    private final LongBinaryOperator merged;

    Operation(LongBinaryOperator merged) {
        this.merged = merged;
    }

    @Override
    public int size() {
        return 1;
    }

    @Override
    public boolean isDouble(int value) {
        return ordinal() >= SUM_OF_DOUBLES.ordinal();
    }

    @Override
    public void add(PackedTiles tiles, int tile, int at, Object[] row) {
        if (row[at] != null) {
            add(tiles, tile, at, PackedTiles.word(row[at]));
        }
    }

    @Override
    public void merge(PackedTiles tiles, int tile, int at, PackedTiles others, int other) {
        if (others.isPresent(other, at)) {
            add(tiles, tile, at, others.value(other, at));
        }
    }

    private void add(PackedTiles tiles, int tile, int at, long x) {
        boolean first = !tiles.isPresent(tile, at);
        tiles.set(tile, at, first ? x : merged.applyAsLong(tiles.value(tile, at), x));
    }

    private static double number(long bits) {
        return Double.longBitsToDouble(bits);
    }
}
