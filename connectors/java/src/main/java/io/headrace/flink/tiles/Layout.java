package io.headrace.flink.tiles;

import java.util.Arrays;
import java.util.Map;

/** What tiles keep: parts by their letters, and at which value each begins. */
final class Layout {

    private static final Map<Character, Part> PARTS =
            Map.of(
                    's', Operation.SUM,
                    'l', Operation.LEAST,
                    'g', Operation.GREATEST,
                    'S', Operation.SUM_OF_DOUBLES,
                    'L', Operation.LEAST_DOUBLE,
                    'G', Operation.GREATEST_DOUBLE,
                    'M', MomentsPart.MOMENTS,
                    'n', NewestPart.NEWEST,
                    'N', NewestPart.NEWEST_DOUBLE);

    private final Part[] parts;
    private final int size;
    private final boolean[] doubles;

    Layout(String letters) {
        parts = letters.chars().mapToObj(letter -> byLetter((char) letter)).toArray(Part[]::new);
        size = Arrays.stream(parts).mapToInt(Part::size).sum();
        doubles = new boolean[size];
        int at = 0;
        for (Part part : parts) {
            for (int value = 0; value < part.size(); value++) {
                doubles[at++] = part.isDouble(value);
            }
        }
    }

    private static Part byLetter(char letter) {
        Part part = PARTS.get(letter);
        if (part == null) {
            throw new IllegalArgumentException("no operation '" + letter + "'");
        }
        return part;
    }

    /** How many values a tile has. */
    int size() {
        return size;
    }

    boolean isDouble(int value) {
        return doubles[value];
    }

    /** Takes the values that a row brings into a tile. */
    void add(PackedTiles tiles, int tile, Object[] row) {
        if (row.length != size) {
            throw new IllegalArgumentException("expected " + size + " values, found " + row.length);
        }
        int at = 0;
        for (Part part : parts) {
            part.add(tiles, tile, at, row);
            at += part.size();
        }
    }

    /** Takes what another tile keeps into a tile. */
    void merge(PackedTiles tiles, int tile, PackedTiles others, int other) {
        int at = 0;
        for (Part part : parts) {
            part.merge(tiles, tile, at, others, other);
            at += part.size();
        }
    }
}
