package io.headrace.flink.asof;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.apache.iceberg.Schema;
import org.apache.iceberg.Table;
import org.apache.iceberg.avro.Avro;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.data.GenericRecord;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.inmemory.InMemoryCatalog;
import org.apache.iceberg.io.DataWriter;
import org.apache.iceberg.io.OutputFile;
import org.apache.iceberg.types.Types;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** To when the table of a dimension is complete, by its commits and by what its writers note. */
class DimensionReaderTest {

    private static final long DELAY = 5_000_000;
    private static final long PINNED = -1;
    private static final Schema SHOPS = new Schema(
            Types.NestedField.optional(1, "shop", Types.StringType.get()),
            Types.NestedField.optional(2, "factor", Types.IntegerType.get()),
            Types.NestedField.optional(3, "since", Types.TimestampType.withZone()));

    private static final AsOfQuestion QUESTION = asking("factor");
    private static final Dimension HELD = Dimension.of(QUESTION, PINNED, 0L, new HashMap<>());

    private Table table;

    @BeforeEach
    void makeTable() {
        InMemoryCatalog catalog = new InMemoryCatalog();
        catalog.initialize("lake", Map.of());
        catalog.createNamespace(Namespace.of("ref"));
        table = catalog.createTable(TableIdentifier.of("ref", "shops"), SHOPS);
    }

    private static AsOfQuestion asking(String column) {
        return new AsOfQuestion("Shops", Map.of(), List.of("shop"), "since", DELAY, 0L, List.of(column), null, null);
    }

    private long byCommit() {
        return table.currentSnapshot().timestampMillis() * 1_000 - DELAY;
    }

    private static Record row(String shop, int factor) {
        Record made = GenericRecord.create(SHOPS);
        made.setField("shop", shop);
        made.setField("factor", factor);
        return made;
    }

    /** Appends rows as one file. */
    private void write(List<Record> rows) throws IOException {
        OutputFile out = table.io().newOutputFile(table.location() + "/" + UUID.randomUUID() + ".avro");
        DataWriter<Record> writer = Avro.writeData(out)
                .schema(SHOPS)
                .withSpec(table.spec())
                .createWriterFunc(org.apache.iceberg.data.avro.DataWriter::create)
                .build();
        try (writer) {
            rows.forEach(writer::write);
        }
        table.newAppend().appendFile(writer.toDataFile()).commit();
    }

    @Test
    void anEmptyCommitSaysThatAllIsThereThatIsOlderByTheDelay() throws IOException {
        assertThat(DimensionReader.newest(QUESTION, HELD, table)).isSameAs(HELD);
        table.newAppend().commit();
        Dimension newer = DimensionReader.newest(QUESTION, HELD, table);
        assertThat(newer.until()).isEqualTo(byCommit());
        assertThat(newer.snapshot()).isEqualTo(table.currentSnapshot().snapshotId());
    }

    @Test
    void aNoteCountsWhereItIsLaterThanTheCommit() throws IOException {
        table.newAppend().commit();
        table.updateProperties().set(Completeness.NOTED, "2001-01-01T00:00:00Z").commit();
        Dimension newer = DimensionReader.newest(QUESTION, HELD, table);
        assertThat(newer.until()).isEqualTo(byCommit());
        String noted = "2100-01-01T00:00:00Z";
        table.updateProperties().set(Completeness.NOTED, noted).commit();
        Dimension later = DimensionReader.newest(QUESTION, newer, table);
        assertThat(later.until()).isEqualTo(Completeness.parse(noted));
        assertThat(later.snapshot()).isEqualTo(newer.snapshot());
    }

    @Test
    void aRowOfALookUpTableIsSeenByEveryEventAndOneWithoutAKeyByNone() throws IOException {
        write(List.of(row("x", 3), row("y", 5)));
        write(List.of(row(null, 7)));
        AsOfQuestion timeless =
                new AsOfQuestion("Shops", Map.of(), List.of("shop"), null, 0, null, List.of("factor"), null, null);
        Dimension found = DimensionReader.newest(timeless, HELD, table);
        for (long us : new long[] {Long.MIN_VALUE, -1, 0, byCommit()}) {
            assertThat(found.seen(new Object[] {StringData.fromString("x")}, us))
                    .isEqualTo(GenericRowData.of(false, 3L));
            assertThat(found.seen(new Object[] {StringData.fromString("z")}, us)).isEqualTo(found.nothing());
            assertThat(found.seen(new Object[] {null}, us)).isEqualTo(found.nothing());
        }
    }

    @Test
    void aColumnThatIsGoneIsNamed() {
        table.newAppend().commit();
        assertThatThrownBy(() -> DimensionReader.newest(asking("kind"), HELD, table))
                .hasMessageContaining("Shops")
                .hasMessageContaining("has no column kind");
    }
}
