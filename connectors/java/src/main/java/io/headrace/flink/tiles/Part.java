package io.headrace.flink.tiles;

/** What a tile keeps of one aggregate: some of its values, words of 64 bits that may be NULL; a DOUBLE is its bits. */
interface Part {

    /** How many values. */
    int size();

    /** Whether a value is a DOUBLE. */
    boolean isDouble(int value);

    /** Takes in what a row brings, from the value {@code at} on: as many as there are here, of the same types. */
    void add(PackedTiles tiles, int tile, int at, Object[] row);

    /** Takes in what another tile, which is left as it is, keeps in the same place. */
    void merge(PackedTiles tiles, int tile, int at, PackedTiles others, int other);
}
