package io.headrace.flink.kafka;

import java.io.Serializable;
import java.util.Map;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.flink.table.api.ValidationException;

/** An offset for each partition of one topic, written {@code 0:123;1:456}. */
final class PartitionOffsets implements Serializable {

    private static final long serialVersionUID = 1L;

    private final TreeMap<Integer, Long> offsets;

    private PartitionOffsets(TreeMap<Integer, Long> offsets) {
        this.offsets = offsets;
    }

    /** {@link ValidationException} naming the option and the entry when the text is malformed. */
    static PartitionOffsets parse(String option, String text) {
        TreeMap<Integer, Long> offsets = new TreeMap<>();
        for (String entry : text.isBlank() ? new String[0] : text.split(";", -1)) {
            put(offsets, option, entry.trim());
        }
        return new PartitionOffsets(offsets);
    }

    private static void put(Map<Integer, Long> offsets, String option, String entry) {
        int colon = entry.indexOf(':');
        try {
            int partition = Integer.parseInt(entry.substring(0, Math.max(colon, 0)).trim());
            long offset = Long.parseLong(entry.substring(colon + 1).trim());
            if (partition < 0 || offset < 0) {
                throw new NumberFormatException("negative");
            }
            if (offsets.put(partition, offset) != null) {
                throw new ValidationException("Option '" + option + "' lists partition " + partition + " twice.");
            }
        } catch (NumberFormatException e) {
            throw new ValidationException(
                    "Option '" + option + "' must be partition:offset pairs like '0:123;1:456', found '" + entry + "'.",
                    e);
        }
    }

    SortedMap<Integer, Long> asMap() {
        return offsets;
    }

    OptionalLong of(int partition) {
        Long offset = offsets.get(partition);
        return offset == null ? OptionalLong.empty() : OptionalLong.of(offset);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PartitionOffsets that && offsets.equals(that.offsets);
    }

    @Override
    public int hashCode() {
        return offsets.hashCode();
    }

    @Override
    public String toString() {
        return offsets.toString();
    }
}
