package io.headrace.flink.tiles;

import io.headrace.flink.functions.Moments;

/**
 * {@link Moments} of doubles: their number, mean and m2. A row brings those of one number: 1, x and 0; or 0, NULL and 0
 * where x is NULL, which adds nothing.
 */
enum MomentsPart implements Part {
    MOMENTS;

    private static final int N = 0;
    private static final int MEAN = 1;
    private static final int M2 = 2;

    @Override
    public int size() {
        return M2 + 1;
    }

    @Override
    public boolean isDouble(int value) {
        return value != N;
    }

    @Override
    public void add(PackedTiles tiles, int tile, int at, Object[] row) {
        if (row[at + MEAN] != null) {
            store(tiles, tile, at, moments(tiles, tile, at).plus((Double) row[at + MEAN]));
        }
    }

    @Override
    public void merge(PackedTiles tiles, int tile, int at, PackedTiles others, int other) {
        if (others.isPresent(other, at)) {
            store(tiles, tile, at, moments(tiles, tile, at).plus(moments(others, other, at)));
        }
    }

    private static Moments moments(PackedTiles tiles, int tile, int at) {
        return new Moments(
                tiles.value(tile, at + N), number(tiles, tile, at + MEAN), number(tiles, tile, at + M2));
    }

    private static double number(PackedTiles tiles, int tile, int value) {
        return Double.longBitsToDouble(tiles.value(tile, value));
    }

    private static void store(PackedTiles tiles, int tile, int at, Moments moments) {
        tiles.set(tile, at + N, moments.n());
        tiles.set(tile, at + MEAN, Double.doubleToRawLongBits(moments.mean()));
        tiles.set(tile, at + M2, Double.doubleToRawLongBits(moments.m2()));
    }
}
