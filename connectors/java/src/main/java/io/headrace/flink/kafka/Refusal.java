package io.headrace.flink.kafka;

/** Why a record is not a row: the short, stable text of {@code _error}. No stack trace: it is no fault of ours. */
final class Refusal extends Exception {

    private static final long serialVersionUID = 1L;

    /** Enough to recognise a value, too little to fill a log. */
    private static final int SHOWN_CHARACTERS = 40;

    private final String path;

    Refusal(String reason) {
        this("", reason);
    }

    private Refusal(String path, String reason) {
        super(reason, null, false, false);
        this.path = path;
    }

    /** The same, of a value within a column, a field or an element {@code [n]} of this name. */
    Refusal within(String name) {
        String between = path.isEmpty() || path.startsWith("[") ? "" : ".";
        return new Refusal(name + between + path, super.getMessage());
    }

    @Override
    public String getMessage() {
        return path.isEmpty() ? super.getMessage() : "column '" + path + "': " + super.getMessage();
    }

    static String shown(String value) {
        if (value.length() <= SHOWN_CHARACTERS) {
            return value;
        }
        boolean splitsPair = Character.isHighSurrogate(value.charAt(SHOWN_CHARACTERS - 1));
        return value.substring(0, splitsPair ? SHOWN_CHARACTERS - 1 : SHOWN_CHARACTERS) + "...";
    }
}
