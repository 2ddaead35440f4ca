package io.headrace.flink.kafka;

import java.time.Clock;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.TimestampAssigner;
import org.apache.flink.api.common.eventtime.TimestampAssignerSupplier;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkGeneratorSupplier;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.table.data.RowData;
import org.apache.flink.util.clock.RelativeClock;

/**
 * Watermarks of each partition by itself, so that one that is read faster passes no other; and of a partition in which
 * nothing arrives those of the clock.
 *
 * <p>Such a partition is never idle in Flink's own sense: once all were, the watermark of a history that has ended,
 * which is the greatest there is, would be that of the job.
 */
final class PartitionWatermarks implements WatermarkStrategy<RowData> {

    private static final long serialVersionUID = 1L;

    private final WatermarkStrategy<RowData> rows;
    private final Duration idleAfter;
    private final Duration delay;

    /** Of one subtask of the source: whether it has made the generator of no partition, which Flink asks for first. */
    private transient boolean begun;

    PartitionWatermarks(WatermarkStrategy<RowData> rows, Duration idleAfter, Duration delay) {
        this.rows = rows;
        this.idleAfter = idleAfter;
        this.delay = delay;
    }

    @Override
    public TimestampAssigner<RowData> createTimestampAssigner(TimestampAssignerSupplier.Context context) {
        return rows.createTimestampAssigner(context);
    }

    @Override
    public WatermarkGenerator<RowData> createWatermarkGenerator(WatermarkGeneratorSupplier.Context context) {
        WatermarkGenerator<RowData> made = rows.createWatermarkGenerator(context);
        if (!begun) {
            begun = true;
            return made;
        }
        return new OfPartition(made, idleAfter, delay, context.getInputActivityClock(), Clock.systemUTC());
    }

    /** The watermarks of one partition. */
    static final class OfPartition implements WatermarkGenerator<RowData> {

        private final WatermarkGenerator<RowData> rows;
        private final Duration idleAfter;
        private final Duration delay;
        private final RelativeClock active;
        private final Clock clock;
        private long since;
        private boolean read;

        /** {@code active} stands still while the source may not give records, such as behind a slow operator. */
        OfPartition(
                WatermarkGenerator<RowData> rows, Duration idleAfter, Duration delay, RelativeClock active, Clock clock) {
            this.rows = rows;
            this.idleAfter = idleAfter;
            this.delay = delay;
            this.active = active;
            this.clock = clock;
            this.since = active.relativeTimeMillis();
        }

        @Override
        public void onEvent(RowData row, long timestamp, WatermarkOutput output) {
            rows.onEvent(row, timestamp, output);
            read = true;
        }

        @Override
        public void onPeriodicEmit(WatermarkOutput output) {
            rows.onPeriodicEmit(output);
            long now = active.relativeTimeMillis();
            if (read) {
                since = now;
                read = false;
            } else if (now - since >= idleAfter.toMillis()) {
                output.emitWatermark(new Watermark(clock.instant().minus(idleAfter).minus(delay).toEpochMilli()));
            }
        }
    }
}
