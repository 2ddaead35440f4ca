package io.headrace.flink.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.util.clock.ManualClock;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PartitionWatermarksTest {

    private static final Duration IDLE = Duration.ofSeconds(30);
    private static final Duration DELAY = Duration.ofSeconds(5);
    private static final Instant NOW = Instant.parse("2026-01-31T12:00:00Z");
    private static final RowData ROW = GenericRowData.of(NOW.minusSeconds(3600).toEpochMilli());

    private final ManualClock active = new ManualClock(0);
    private final Given given = new Given();
    private WatermarkGenerator<RowData> watermarks;

    @BeforeEach
    void partition() {
        Clock clock = Clock.fixed(NOW, ZoneOffset.UTC);
        watermarks = new PartitionWatermarks.OfPartition(new OfRows(), IDLE, DELAY, active, clock);
    }

    private void passes(Duration time) {
        active.advanceTime(time);
        watermarks.onPeriodicEmit(given);
    }

    @Test
    void aPartitionThatIsReadHasTheWatermarkOfItsRows() {
        watermarks.onEvent(ROW, 0, given);
        passes(Duration.ofHours(1));
        assertThat(given.marks).containsExactly(ROW.getLong(0));
        passes(IDLE.minusMillis(1));
        assertThat(given.marks).containsOnly(ROW.getLong(0));
    }

    @Test
    void aSilentPartitionHasThatOfTheClockLessItsSilenceAndTheDelay() {
        watermarks.onEvent(ROW, 0, given);
        passes(Duration.ZERO);
        passes(IDLE);
        long expected = NOW.minus(IDLE).minus(DELAY).toEpochMilli();
        assertThat(given.marks).endsWith(ROW.getLong(0), expected);
    }

    @Test
    void aPartitionWithoutAnyRowWaitsFirst() {
        passes(IDLE.minusMillis(1));
        assertThat(given.marks).isEmpty();
        passes(Duration.ofMillis(1));
        assertThat(given.marks).hasSize(1);
    }

    @Test
    void noPartitionIsEverIdleToFlink() {
        passes(IDLE.multipliedBy(10));
        assertThat(given.idle).isZero();
    }

    @Test
    void theGeneratorOfNoPartitionWhichFlinkMakesFirstSaysNothing() {
        WatermarkStrategy<RowData> rows = WatermarkStrategy.forGenerator(context -> new OfRows());
        PartitionWatermarks strategy = new PartitionWatermarks(rows, IDLE, DELAY);
        assertThat(strategy.createWatermarkGenerator(null)).isInstanceOf(OfRows.class);
    }

    /** The greatest time of all rows, in ms; nothing before the first. */
    private static final class OfRows implements WatermarkGenerator<RowData> {

        private long greatest = Long.MIN_VALUE;

        @Override
        public void onEvent(RowData row, long timestamp, WatermarkOutput output) {
            greatest = Math.max(greatest, row.getLong(0));
        }

        @Override
        public void onPeriodicEmit(WatermarkOutput output) {
            if (greatest > Long.MIN_VALUE) {
                output.emitWatermark(new Watermark(greatest));
            }
        }
    }

    private static final class Given implements WatermarkOutput {

        private final List<Long> marks = new ArrayList<>();
        private int idle;

        @Override
        public void emitWatermark(Watermark watermark) {
            marks.add(watermark.getTimestamp());
        }

        @Override
        public void markIdle() {
            idle++;
        }

        @Override
        public void markActive() {}
    }
}
