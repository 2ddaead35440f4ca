package io.headrace.flink.cassandra;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headrace.flink.cassandra.TableLayout.Column;
import io.headrace.flink.cassandra.TableLayout.Kind;
import java.util.List;
import org.junit.jupiter.api.Test;

class WriteShapeTest {

    private static final TableLayout LAYOUT = new TableLayout(List.of(
            new Column("cell", Kind.REGULAR, -1, "frozen<t_cell>"),
            new Column("tile_start", Kind.CLUSTERING, 1, "bigint"),
            new Column("level", Kind.CLUSTERING, 0, "bigint"),
            new Column("last", Kind.STATIC, -1, "bigint"),
            new Column("tags", Kind.REGULAR, -1, "list<text>"),
            new Column("k", Kind.PARTITION_KEY, 0, "text")));

    @Test
    void aRowIsNamedByThePrimaryKeyInItsOrder() {
        WriteShape shape = shape(List.of("cell", "tile_start", "k", "level"), List.of("tile_start", "level", "k"));
        assertThat(shape.key()).containsExactly("k", "level", "tile_start");
        assertThat(shape.partitionColumns()).isEqualTo(1);
    }

    @Test
    void staticColumnsWithATimeOfTheirOwnAreWrittenBesideTheRow() {
        WriteShape shape = shape(List.of("k", "level", "tile_start", "cell", "last"), List.of(), "static_write_time");
        assertThat(shape.key()).containsExactly("k", "level", "tile_start");
        assertThat(shape.partition()).containsExactly("k");
        assertThat(shape.statics()).containsExactly("last");
    }

    @Test
    void refusesATimeOfStaticColumnsThatAreNotThere() {
        assertThatThrownBy(() -> shape(List.of("k", "level", "tile_start", "cell"), List.of(), "static_write_time"))
                .hasMessageContainingAll("'static_write_time'", "a static column", "[k, level, tile_start, cell]");
    }

    @Test
    void refusesATimeOfStaticColumnsWhereRowsAreDeleted() {
        List<String> columns = List.of("k", "level", "tile_start", "cell", "last");
        assertThatThrownBy(() -> shape(columns, List.of("k", "level", "tile_start"), "static_write_time"))
                .hasMessageContainingAll("'static_write_time'", "without deletes", "'sink.versions'");
    }

    @Test
    void refusesAnUnknownColumn() {
        assertThatThrownBy(() -> shape(List.of("k", "lst"), List.of("k")))
                .hasMessageContainingAll("ks.t", "column 'lst'", "[k, level, tile_start, last, cell, tags]");
    }

    @Test
    void refusesAMissingKeyColumn() {
        assertThatThrownBy(() -> shape(List.of("k", "level", "cell"), List.of()))
                .hasMessageContainingAll("key column 'tile_start'", "[k, level, tile_start]");
        assertThatThrownBy(() -> shape(List.of("k", "last"), List.of()))
                .as("static columns go with rows")
                .hasMessageContainingAll("key column 'level'", "[k, last]");
    }

    @Test
    void refusesAnotherPrimaryKey() {
        assertThatThrownBy(() -> shape(List.of("k", "level", "tile_start", "cell"), List.of("k")))
                .hasMessageContainingAll("primary key", "found [k]", "PRIMARY KEY (k, level, tile_start) NOT ENFORCED");
    }

    @Test
    void refusesAValueOfManyCells() {
        assertThatThrownBy(() -> shape(List.of("k", "level", "tile_start", "tags"), List.of()))
                .hasMessageContainingAll("column 'tags'", "expected frozen<list<text>>", "tombstone");
    }

    private static WriteShape shape(List<String> columns, List<String> primaryKey, String... metadata) {
        return WriteShape.of(new TableSettings("ks", "t", columns, List.of(), primaryKey, List.of(metadata)), LAYOUT);
    }
}
