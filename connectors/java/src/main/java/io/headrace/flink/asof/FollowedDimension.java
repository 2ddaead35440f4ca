package io.headrace.flink.asof;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.apache.flink.table.data.RowData;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one task sees of a dimension. Where newer snapshots are followed, an event that is beyond the one that is held
 * waits for one that is complete to it, and all behind it wait too, checkpoints among them: for no longer than the
 * question's patience, after which the task fails and says what is missing.
 *
 * <p>A snapshot that is complete to an event answers it as every later one does, so what an event sees does not depend
 * on when it was asked, nor on whether it is asked again after a failure.
 */
final class FollowedDimension implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(FollowedDimension.class);

    private final AsOfQuestion question;
    private final SharedDimension shared;
    private final long pauseMs;
    private volatile long waitingSince;

    FollowedDimension(AsOfQuestion question, SharedDimension shared, Duration pause) {
        this.question = question;
        this.shared = shared;
        this.pauseMs = pause.toMillis();
    }

    /** What an event at a time, in µs, sees of a key in Flink's internal classes. A time that is null sees nothing. */
    RowData seen(Object[] key, Long us) throws IOException, InterruptedException {
        if (us == null) {
            return shared.dimension().nothing();
        }
        if (question.following() != null && shared.dimension().isBeyond(us)) {
            await(us);
        }
        return shared.dimension().seen(key, us);
    }

    /** How long, in ms, an event has been waiting now. */
    long waitedMs() {
        long since = waitingSince;
        return since == 0 ? 0 : TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - since);
    }

    @Override
    public void close() {
        shared.close();
    }

    private void await(long us) throws IOException, InterruptedException {
        shared.renew();
        if (!shared.dimension().isBeyond(us)) {
            return;
        }
        LOG.info("An event waits: {}.", missing(us));
        waitingSince = System.nanoTime();
        try {
            while (shared.dimension().isBeyond(us)) {
                refuseToWaitOn(us);
                Thread.sleep(pauseMs);
                shared.renew();
            }
            LOG.info("Dimension {} is complete to the event, which waited {} ms.", question.dimension(), waitedMs());
        } finally {
            waitingSince = 0;
        }
    }

    private void refuseToWaitOn(long us) {
        if (waitedMs() >= question.following().patienceMs()) {
            throw new IllegalStateException(missing(us) + "; waited for " + waitedMs() + " ms. Commit to the table, or"
                    + " note in its property " + Completeness.NOTED + " to when it has all versions; the setting"
                    + " flink.dimension_patience_s says how long a job waits");
        }
    }

    private String missing(long us) {
        String table = question.following().table().get("catalog-database") + "."
                + question.following().table().get("catalog-table");
        return "dimension " + question.dimension() + " (Iceberg table " + table + ") is complete to "
                + Completeness.text(shared.dimension().until()) + ", an event of " + Completeness.text(us)
                + " needs it to " + Completeness.text(us - question.delay());
    }
}
