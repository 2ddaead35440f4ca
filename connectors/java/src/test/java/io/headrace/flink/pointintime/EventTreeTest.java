package io.headrace.flink.pointintime;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** What answers cost: how many nodes a run consists of, also where an event was on its way. */
class EventTreeTest {

    private static final int EVENTS = 100_000;

    /** Each event arrives a second after it happened, but one that is an hour late. */
    private static EventTree tree(int late) {
        List<Event> events =
                LongStream.range(0, EVENTS)
                        .mapToObj(i -> new Event(i, i + (i == late ? 3_600 : 1), 0, i, null))
                        .toList();
        return new EventTree(events);
    }

    @Test
    void aRunIsAFewNodesHoweverManyEventsItHas() {
        EventTree tree = tree(-1);
        List<EventTree.Node> run = tree.run(7, EVENTS - 7, Long.MAX_VALUE);
        assertThat(run.stream().mapToLong(tree::size).sum()).isEqualTo(EVENTS - 14);
        assertThat(run).hasSizeLessThan(2 * EventTree.WIDTH * tree.height());
    }

    @Test
    void anEventOnItsWayTakesOnlyTheNodesAboveItApart() {
        EventTree tree = tree(50_000);
        List<EventTree.Node> run = tree.run(0, 50_100, 50_101);
        assertThat(run.stream().mapToLong(tree::size).sum()).isEqualTo(50_099);
        assertThat(run).hasSizeLessThan(3 * EventTree.WIDTH * tree.height());
        assertThat(tree.run(0, 53_601, 53_601).stream().mapToLong(tree::size).sum()).isEqualTo(53_600);
    }
}
