package io.headrace.flink.tiles;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.table.catalog.DataTypeFactory;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.AggregateFunction;
import org.apache.flink.table.types.inference.TypeInference;

/**
 * {@code HR_TILES(STRING operations, BIGINT start, BIGINT us, T x...) -> ARRAY<ROW<start BIGINT, n BIGINT,
 * last_event_us BIGINT, x1 T, ...>>}: the tiles with these starts in one wider tile, and the wider tile as all of them
 * together, with a NULL start; of those tiles that changed since the last time, all if it is the first.
 *
 * <p>{@code operations} has a letter for each {@link Part} of a tile, see {@link Layout}, and a part has one x or more;
 * T is BIGINT or DOUBLE. A row brings what a tile of it alone would keep. An x of a tile is NULL without any. {@code us}
 * is the event's time in µs.
 *
 * <p>One group is one entry of state, however many tiles it has: what costs is reading and writing entries. Who asks
 * for the value takes the changes out of it, so a job has to hand each of them on; rows are never taken back.
 */
public final class HrTiles extends AggregateFunction<ArrayData, RowData> {

    private static final int OPERATIONS = 0;
    private static final int TILES = 1;
    private static final int FIXED_FIELDS = 3;

    private transient StringData letters;
    private transient Layout layout;

    @Override
    public RowData createAccumulator() {
        return GenericRowData.of(null, PackedTiles.none());
    }

    public void accumulate(RowData acc, StringData letters, Long start, Long us, Object... values) {
        PackedTiles tiles = tiles(letters, acc);
        tiles.addRow(start, us, values);
        store(acc, tiles);
    }

    public void merge(RowData acc, Iterable<RowData> others) {
        for (RowData other : others) {
            if (!other.isNullAt(OPERATIONS)) {
                StringData letters = other.getString(OPERATIONS);
                PackedTiles tiles = tiles(letters, acc);
                tiles.addAll(tiles(letters, other));
                store(acc, tiles);
            }
        }
    }

    @Override
    public ArrayData getValue(RowData acc) {
        if (acc.isNullAt(OPERATIONS)) {
            return null;
        }
        PackedTiles tiles = tiles(acc.getString(OPERATIONS), acc);
        List<RowData> rows = new ArrayList<>();
        for (int tile = 0; tile < tiles.size(); tile++) {
            if (tiles.hasChanged(tile)) {
                rows.add(row(tiles.start(tile), tiles, tile));
                tiles.settle(tile);
            }
        }
        if (!rows.isEmpty()) {
            // Settled in its bytes already, but fails where the group is no row to be changed: it would be told again.
            store(acc, tiles);
            rows.add(row(null, whole(tiles), 0));
        }
        return new GenericArrayData(rows.toArray());
    }

    private PackedTiles whole(PackedTiles tiles) {
        PackedTiles whole = new PackedTiles(layout, PackedTiles.none());
        for (int tile = 0; tile < tiles.size(); tile++) {
            whole.addTile(tiles, tile, tiles.start(0));
        }
        return whole;
    }

    private RowData row(Long start, PackedTiles tiles, int tile) {
        GenericRowData row = new GenericRowData(FIXED_FIELDS + layout.size());
        row.setField(0, start);
        row.setField(1, tiles.events(tile));
        row.setField(2, tiles.newest(tile));
        for (int value = 0; value < layout.size(); value++) {
            if (tiles.isPresent(tile, value)) {
                row.setField(FIXED_FIELDS + value, object(layout.isDouble(value), tiles.value(tile, value)));
            }
        }
        return row;
    }

    /** The tiles of a group, over its bytes; {@code store} gives it what was changed. */
    private PackedTiles tiles(StringData letters, RowData acc) {
        if (!letters.equals(this.letters)) {
            this.layout = new Layout(letters.toString());
            // Strings may point into the memory of a reused input row.
            this.letters = StringData.fromString(letters.toString());
        }
        return new PackedTiles(layout, acc.getBinary(TILES));
    }

    private void store(RowData acc, PackedTiles tiles) {
        GenericRowData group = (GenericRowData) acc;
        group.setField(OPERATIONS, this.letters);
        group.setField(TILES, tiles.bytes());
    }

    private static Object object(boolean isDouble, long word) {
        if (isDouble) {
            return Double.longBitsToDouble(word);
        }
        return word;
    }

    @Override
    public TypeInference getTypeInference(DataTypeFactory typeFactory) {
        return TileTypes.inference();
    }
}
