package io.headrace.flink.pointintime;

import io.headrace.flink.pointintime.Question.Window;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;

/** Answers for all rows of the spine of one entity, from all its events. */
final class Sweep {

    private static final int ROW = 0;
    private static final int SEEN = 1;
    private static final int CELLS = 2;

    private final Question question;
    private final int row;
    private final int us;
    private final int arrival;
    private final int partition;
    private final int offset;
    private final List<Integer> belongs;
    private final List<List<KeptEvents.Column>> partials;

    Sweep(Question question, RowType columns) {
        this.question = question;
        row = columns.getFieldIndex("_row");
        us = columns.getFieldIndex("_us");
        arrival = columns.getFieldIndex("_arrival_us");
        partition = columns.getFieldIndex("_src_partition");
        offset = columns.getFieldIndex("_src_offset");
        belongs = question.groups().stream().map(group -> columns.getFieldIndex(group.belongs())).toList();
        partials = question.groups().stream().map(group -> read(group, columns)).toList();
    }

    private static List<KeptEvents.Column> read(Question.Group group, RowType columns) {
        return group.partials().stream().map(kept -> column(kept, columns)).toList();
    }

    private static KeptEvents.Column column(Question.Kept kept, RowType columns) {
        int field = columns.getFieldIndex(kept.argument());
        LogicalType type = columns.getTypeAt(field);
        return new KeptEvents.Column(Partials.of(kept, type), RowData.createFieldGetter(type, field));
    }

    void answers(List<RowData> rows, Consumer<RowData> out) {
        List<RowData> asked = rows.stream().filter(each -> !each.isNullAt(row)).toList();
        if (asked.isEmpty()) {
            return;
        }
        List<Event> events =
                rows.stream().filter(each -> each.isNullAt(row)).map(this::event).sorted(Event.ORDER).toList();
        EventTree all = new EventTree(events);
        List<KeptEvents> groups = groups(events);
        asked.forEach(each -> out.accept(answer(each, all, groups)));
    }

    private Event event(RowData found) {
        return new Event(
                found.getLong(us), found.getLong(arrival), found.getInt(partition), found.getLong(offset), found);
    }

    private List<KeptEvents> groups(List<Event> events) {
        List<KeptEvents> groups = new ArrayList<>();
        for (int i = 0; i < belongs.size(); i++) {
            int flag = belongs.get(i);
            List<Event> members = events.stream().filter(event -> event.columns().getBoolean(flag)).toList();
            groups.add(new KeptEvents(members, partials.get(i)));
        }
        return groups;
    }

    private RowData answer(RowData asked, EventTree all, List<KeptEvents> groups) {
        long time = asked.getLong(us);
        long known = question.byArrival() ? time : Long.MAX_VALUE;
        int newest = all.newest(all.before(time), known);
        GenericRowData answer = new GenericRowData(CELLS + question.windows().size());
        answer.setField(ROW, asked.getLong(row));
        if (newest >= 0) {
            fill(answer, groups, time, all.time(newest), known);
        }
        return answer;
    }

    private void fill(GenericRowData answer, List<KeptEvents> groups, long time, long seen, long known) {
        answer.setField(SEEN, seen);
        for (int i = 0; i < question.windows().size(); i++) {
            Window window = question.windows().get(i);
            KeptEvents events = groups.get(window.group());
            long start = window.start(time, seen, question.days());
            long end = window.end(time, seen, question.days());
            answer.setField(CELLS + i, events.cell(start, end, known, window.partials()));
        }
    }
}
