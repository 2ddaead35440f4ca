package io.headrace.flink.kafka;

import java.time.Duration;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.factories.FactoryUtil;

/**
 * How the watermark of a topic that has one is made of those of its partitions.
 *
 * @param idleAfter null: a partition in which nothing arrives holds it back
 * @param delay how much older than its arrival a record may be
 * @param parallelism of the scan; null: that of the job. A subtask without a partition has no watermark
 */
record WatermarkSettings(Duration idleAfter, Duration delay, Integer parallelism) {

    static WatermarkSettings of(ReadableConfig options) {
        Duration idleAfter = options.getOptional(KafkaTableOptions.IDLE_AFTER).orElse(null);
        if (idleAfter != null && (idleAfter.isZero() || idleAfter.isNegative())) {
            throw new ValidationException("Option '" + KafkaTableOptions.IDLE_AFTER.key()
                    + "' must be more than nothing, found " + idleAfter + ".");
        }
        Integer parallelism = options.getOptional(FactoryUtil.SOURCE_PARALLELISM).orElse(null);
        return new WatermarkSettings(idleAfter, options.get(KafkaTableOptions.DELAY), parallelism);
    }
}
