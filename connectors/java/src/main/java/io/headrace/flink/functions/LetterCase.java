package io.headrace.flink.functions;

import java.util.function.IntUnaryOperator;
import org.apache.flink.table.data.StringData;

/**
 * Upper and lower case as DuckDB has them: character by character, in no language, by Unicode 14.
 *
 * <p>A Java 17 knows Unicode 13; the pairs that came after it are named here. The German sharp s has a capital of its
 * own, which Unicode lets be chosen.
 */
final class LetterCase {

    private static final int SHARP_S = 0xDF;
    private static final int CAPITAL_SHARP_S = 0x1E9E;
    /** Capitals of Unicode 14 and, at the same place, their small letters. */
    private static final String CAPITALS = "\u2C2F\uA7C0\uA7D0\uA7D6\uA7D8";

    private static final String SMALL = "\u2C5F\uA7C1\uA7D1\uA7D7\uA7D9";
    /** Vithkuqi: capitals from U+10570 to U+10595, small letters at one distance, three places empty. */
    private static final int VITHKUQI = 0x10570;

    private static final int VITHKUQI_LETTERS = 0x26;
    private static final int VITHKUQI_DISTANCE = 0x27;

    private LetterCase() {}

    static StringData upper(StringData text) {
        return mapped(text, LetterCase::upper);
    }

    static StringData lower(StringData text) {
        return mapped(text, LetterCase::lower);
    }

    private static StringData mapped(StringData text, IntUnaryOperator mapping) {
        if (text == null) {
            return null;
        }
        int[] letters = text.toString().codePoints().map(mapping).toArray();
        return StringData.fromString(new String(letters, 0, letters.length));
    }

    static int upper(int letter) {
        if (letter == SHARP_S) {
            return CAPITAL_SHARP_S;
        }
        int later = SMALL.indexOf(letter);
        if (later >= 0) {
            return CAPITALS.charAt(later);
        }
        return isVithkuqi(letter - VITHKUQI_DISTANCE) ? letter - VITHKUQI_DISTANCE : Character.toUpperCase(letter);
    }

    static int lower(int letter) {
        int later = CAPITALS.indexOf(letter);
        if (later >= 0) {
            return SMALL.charAt(later);
        }
        return isVithkuqi(letter) ? letter + VITHKUQI_DISTANCE : Character.toLowerCase(letter);
    }

    private static boolean isVithkuqi(int capital) {
        int place = capital - VITHKUQI;
        boolean empty = place == 0x0B || place == 0x1B || place == 0x23;
        return place >= 0 && place < VITHKUQI_LETTERS && !empty;
    }
}
