package io.headrace.flink.cassandra;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class StatementTextTest {

    private static final TableSettings TABLE =
            new TableSettings("Ks", "a\"b", List.of("k", "v"), List.of(), List.of("k"), List.of());

    @Test
    void quotesEveryIdentifier() {
        assertThat(Cql.insert(TABLE, TABLE.columns(), true))
                .isEqualTo("INSERT INTO \"Ks\".\"a\"\"b\" (\"k\", \"v\") VALUES (?, ?) USING TIMESTAMP ? AND TTL ?");
        assertThat(Cql.delete(TABLE, List.of("k", "c")))
                .isEqualTo("DELETE FROM \"Ks\".\"a\"\"b\" USING TIMESTAMP ? WHERE \"k\" = ? AND \"c\" = ?");
    }
}
