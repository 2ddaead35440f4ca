package io.headrace.flink.pointintime;

import io.headrace.flink.pointintime.EventTree.Node;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;

/** The events of a group, and what its partials keep of each node of their tree, once a window asks for it. */
final class KeptEvents {

    private final List<Event> events;
    private final List<Column> columns;
    private final EventTree tree;

    /** What a partial keeps of nodes, by level and number; NULL where nobody asked. */
    private final RowData[][][] nodes;

    /** A partial and how its argument is read. */
    record Column(Partial partial, RowData.FieldGetter argument) {

        void add(RowData kept, Event event) {
            partial.add(kept, event, argument.getFieldOrNull(event.columns()));
        }
    }

    /** The events must be in their order. */
    KeptEvents(List<Event> events, List<Column> columns) {
        this.events = events;
        this.columns = columns;
        this.tree = new EventTree(events);
        this.nodes = new RowData[columns.size()][tree.height()][];
        for (RowData[][] levels : nodes) {
            Arrays.setAll(levels, level -> new RowData[level == 0 ? 0 : tree.count(level)]);
        }
    }

    /** The number of events of a window that had arrived before a time, then the fields of some partials of them. */
    GenericRowData cell(long start, long end, long known, List<Integer> partials) {
        List<Node> run = tree.run(tree.before(start), tree.before(end), known);
        List<Object> cell = new ArrayList<>(List.of(run.stream().mapToLong(tree::size).sum()));
        for (int number : partials) {
            cell.addAll(Arrays.asList(columns.get(number).partial().fields(kept(number, run))));
        }
        return GenericRowData.of(cell.toArray());
    }

    /** What a partial keeps of some nodes together. */
    private RowData kept(int number, List<Node> run) {
        Column column = columns.get(number);
        RowData kept = column.partial().empty();
        List<RowData> whole = new ArrayList<>();
        for (Node node : run) {
            if (node.level() == 0) {
                column.add(kept, events.get(node.number()));
            } else {
                whole.add(kept(number, node));
            }
        }
        column.partial().merge(kept, whole);
        return kept;
    }

    private RowData kept(int number, Node node) {
        RowData[] level = nodes[number][node.level()];
        if (level[node.number()] == null) {
            level[node.number()] = kept(number, tree.children(node).toList());
        }
        return level[node.number()];
    }
}
