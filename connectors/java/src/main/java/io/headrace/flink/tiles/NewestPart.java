package io.headrace.flink.tiles;

import io.headrace.flink.functions.Place;

/**
 * The value, which may be NULL, of the row with the greatest {@link Place}, and that place: event time (µs), partition
 * and offset. A row without a complete place is skipped.
 */
enum NewestPart implements Part {
    NEWEST,
    NEWEST_DOUBLE;

    private static final int VALUE = 0;
    private static final int MICROS = 1;
    private static final int PARTITION = 2;
    private static final int OFFSET = 3;

    @Override
    public int size() {
        return OFFSET + 1;
    }

    @Override
    public boolean isDouble(int value) {
        return this == NEWEST_DOUBLE && value == VALUE;
    }

    @Override
    public void add(PackedTiles tiles, int tile, int at, Object[] row) {
        if (row[at + MICROS] instanceof Long us
                && row[at + PARTITION] instanceof Long partition
                && row[at + OFFSET] instanceof Long offset
                && take(tiles, tile, at, new Place(us, partition, offset))
                && row[at + VALUE] != null) {
            tiles.set(tile, at + VALUE, PackedTiles.word(row[at + VALUE]));
        }
    }

    @Override
    public void merge(PackedTiles tiles, int tile, int at, PackedTiles others, int other) {
        if (others.isPresent(other, at + MICROS)
                && take(tiles, tile, at, place(others, other, at))
                && others.isPresent(other, at + VALUE)) {
            tiles.set(tile, at + VALUE, others.value(other, at + VALUE));
        }
    }

    /** Whether the place is the greatest so far; then it is kept, without a value yet. */
    private static boolean take(PackedTiles tiles, int tile, int at, Place place) {
        if (tiles.isPresent(tile, at + MICROS) && place(tiles, tile, at).compareTo(place) >= 0) {
            return false;
        }
        tiles.clear(tile, at + VALUE);
        tiles.set(tile, at + MICROS, place.us());
        tiles.set(tile, at + PARTITION, place.partition());
        tiles.set(tile, at + OFFSET, place.offset());
        return true;
    }

    private static Place place(PackedTiles tiles, int tile, int at) {
        return new Place(
                tiles.value(tile, at + MICROS), tiles.value(tile, at + PARTITION), tiles.value(tile, at + OFFSET));
    }
}
