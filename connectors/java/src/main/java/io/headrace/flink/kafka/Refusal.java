package io.headrace.flink.kafka;

/** Why a record is not a row: the short, stable text of {@code _error}. No stack trace: it is no fault of ours. */
final class Refusal extends Exception {

    private static final long serialVersionUID = 1L;

    /** Enough to recognise a value, too little to fill a log. */
    private static final int SHOWN_CHARACTERS = 40;

    Refusal(String reason) {
        super(reason, null, false, false);
    }

    static String shown(String value) {
        if (value.length() <= SHOWN_CHARACTERS) {
            return value;
        }
        boolean splitsPair = Character.isHighSurrogate(value.charAt(SHOWN_CHARACTERS - 1));
        return value.substring(0, splitsPair ? SHOWN_CHARACTERS - 1 : SHOWN_CHARACTERS) + "...";
    }
}
