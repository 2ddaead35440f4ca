package io.headrace.flink.pointintime;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Events in their order as the leaves of a tree, {@value #WIDTH} below each node. Any run of them is a few whole nodes
 * and single events at its ends: fewer than {@code 2 * WIDTH} on each level.
 *
 * <p>A node knows the least and the greatest arrival below it, which tells the events of a run that had arrived by a
 * time. Where nothing was on its way then, no node is taken apart.
 */
final class EventTree {

    static final int WIDTH = 16;

    /** A node over {@code WIDTH^level} events; on level 0 an event. */
    record Node(int level, int number) {}

    private final long[] times;
    private final long[][] earliest;
    private final long[][] latest;

    EventTree(List<Event> events) {
        times = events.stream().mapToLong(Event::us).toArray();
        int height = height(times.length);
        earliest = new long[height][];
        latest = new long[height][];
        earliest[0] = events.stream().mapToLong(Event::arrival).toArray();
        latest[0] = earliest[0];
        for (int level = 1; level < height; level++) {
            earliest[level] = above(earliest[level - 1], -1);
            latest[level] = above(latest[level - 1], 1);
        }
    }

    int size() {
        return times.length;
    }

    int height() {
        return earliest.length;
    }

    /** How many nodes there are on a level. */
    int count(int level) {
        return earliest[level].length;
    }

    long time(int event) {
        return times[event];
    }

    /** How many events are below a node. */
    long size(Node node) {
        return Math.min(first(node) + span(node.level()), size()) - first(node);
    }

    /** The nodes, or events, right below a node. */
    Stream<Node> children(Node node) {
        int below = node.level() - 1;
        int first = node.number() * WIDTH;
        int end = Math.min(first + WIDTH, count(below));
        return IntStream.range(first, end).mapToObj(number -> new Node(below, number));
    }

    /** The number of events before a time. */
    int before(long us) {
        int low = 0;
        int high = times.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (times[middle] < us) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** The nodes that hold the events from one number up to another that had arrived before a time, in their order. */
    List<Node> run(int from, int to, long known) {
        List<Node> run = new ArrayList<>();
        collect(new Node(height() - 1, 0), from, to, known, run);
        return run;
    }

    /** The last of the first events that had arrived before a time; -1 where none had. */
    int newest(int to, long known) {
        int found = to - 1;
        while (found >= 0 && earliest[0][found] >= known) {
            found = skip(found, known);
        }
        return found;
    }

    /** The event before one that had not arrived, and before all nodes that end there of which nothing had. */
    private int skip(int event, long known) {
        int level = 0;
        int number = event;
        while (level + 1 < height() && number % WIDTH == WIDTH - 1 && earliest[level + 1][number / WIDTH] >= known) {
            level++;
            number /= WIDTH;
        }
        return number * span(level) - 1;
    }

    private void collect(Node node, int from, int to, long known, List<Node> run) {
        long first = first(node);
        long end = first + size(node);
        if (first >= to || end <= from || earliest[node.level()][node.number()] >= known) {
            return;
        }
        if (from <= first && end <= to && latest[node.level()][node.number()] < known) {
            run.add(node);
            return;
        }
        children(node).forEach(child -> collect(child, from, to, known, run));
    }

    private long first(Node node) {
        return (long) node.number() * span(node.level());
    }

    private static long[] above(long[] below, int sign) {
        long[] found = new long[(below.length + WIDTH - 1) / WIDTH];
        for (int i = 0; i < below.length; i++) {
            boolean further = Long.compare(below[i], found[i / WIDTH]) == sign;
            found[i / WIDTH] = i % WIDTH == 0 || further ? below[i] : found[i / WIDTH];
        }
        return found;
    }

    private static int height(int size) {
        int height = 1;
        for (int count = size; count > 1; count = (count + WIDTH - 1) / WIDTH) {
            height++;
        }
        return height;
    }

    private static int span(int level) {
        int span = 1;
        for (int i = 0; i < level; i++) {
            span *= WIDTH;
        }
        return span;
    }
}
