package io.headrace.flink.asof;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.HashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class SharedDimensionTest {

    private static final String QUESTION =
            "{\"dimension\": \"Shops\", \"table\": {}, \"key\": [\"k\"], \"event_time\": \"since\", \"delay_us\": 0,"
                    + " \"until_us\": null, \"columns\": [\"x\"], \"most_rows\": null, \"following\": null}";

    private final AtomicInteger reads = new AtomicInteger();

    private Dimension read(AsOfQuestion question) {
        reads.incrementAndGet();
        return Dimension.of(question, reads.get(), 0L, new HashMap<>());
    }

    private Dimension again(AsOfQuestion question, Dimension held) {
        return read(question);
    }

    @Test
    void tasksThatAskTheSameShareOneCopyUntilTheLastHasLeft() throws Exception {
        SharedDimension first = SharedDimension.acquire(QUESTION, this::read, this::again);
        SharedDimension second = SharedDimension.acquire(QUESTION, this::read, this::again);
        assertThat(second.dimension()).isSameAs(first.dimension());
        assertThat(reads).hasValue(1);
        first.close();
        first.close();
        assertThat(SharedDimension.held()).isEqualTo(1);
        second.close();
        assertThat(SharedDimension.held()).isZero();
        SharedDimension.acquire(QUESTION, this::read, this::again).close();
        assertThat(reads).hasValue(2);
    }

    @Test
    void whoCannotReadHoldsNothing() {
        SharedDimension.Read broken = question -> {
            throw new IOException("gone");
        };
        assertThatThrownBy(() -> SharedDimension.acquire(QUESTION, broken, this::again)).hasMessage("gone");
        assertThat(SharedDimension.held()).isZero();
    }

    @Test
    void whatIsNewerTakesThePlaceForAllAtOnceAndIsLookedForOnceInAMoment() throws Exception {
        try (SharedDimension first = SharedDimension.acquire(QUESTION, this::read, this::again);
                SharedDimension second = SharedDimension.acquire(QUESTION, this::read, this::again)) {
            first.renew();
            second.renew();
            assertThat(reads).hasValue(2);
            assertThat(second.dimension().snapshot()).isEqualTo(2);
            assertThat(second.dimension()).isSameAs(first.dimension());
        }
    }
}
