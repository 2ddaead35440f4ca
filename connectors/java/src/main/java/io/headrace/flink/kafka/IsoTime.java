package io.headrace.flink.kafka;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoField;

/**
 * Reads ISO-8601 times into microseconds since 1970. Digits beyond the microsecond are cut off.
 *
 * <p>The usual form, {@code 2013-01-31T23:59:59.123456Z} (T or a space; seconds, fraction and zone as they
 * come), is read by hand, since java.time takes half a microsecond for it; all else goes to java.time.
 */
final class IsoTime {

    /** Not a time, or a time without an offset where no zone is set. */
    static final long NONE = Long.MIN_VALUE;

    private static final int DATE_LENGTH = 10;
    private static final int MINUTES_LENGTH = 16;
    private static final int SECONDS_LENGTH = 19;
    private static final int FRACTION_DIGITS = 6;
    private static final int MAX_FRACTION_DIGITS = 9;
    private static final long MICROS = 1_000_000L;
    private static final long SECONDS_PER_DAY = 86_400L;

    private final ZoneId zone;

    /** A zone for times without an offset; null refuses them. */
    IsoTime(ZoneId zone) {
        this.zone = zone;
    }

    /** Microseconds since 1970, or {@link #NONE}. */
    long parse(char[] text, int from, int length) {
        long micros = new FastForm(text, from, length).micros();
        if (micros == FastForm.UNKNOWN) {
            micros = slow(new String(text, from, length));
        }
        return Instants.isTime(micros) ? micros : NONE;
    }

    private long slow(String text) {
        try {
            return micros(OffsetDateTime.parse(text).toInstant());
        } catch (DateTimeException | ArithmeticException e) {
            return slowLocal(text);
        }
    }

    private long slowLocal(String text) {
        try {
            boolean spaced = text.length() > DATE_LENGTH && text.charAt(DATE_LENGTH) == ' ';
            String iso = spaced ? text.substring(0, DATE_LENGTH) + "T" + text.substring(DATE_LENGTH + 1) : text;
            if (spaced && hasOffset(iso)) {
                return micros(OffsetDateTime.parse(iso).toInstant());
            }
            return zone == null ? NONE : micros(LocalDateTime.parse(iso).atZone(zone).toInstant());
        } catch (DateTimeException | ArithmeticException e) {
            return NONE;
        }
    }

    private static boolean hasOffset(String iso) {
        return iso.indexOf('Z') > 0 || iso.indexOf('+') > 0 || iso.lastIndexOf('-') > DATE_LENGTH;
    }

    private static long micros(Instant instant) {
        long whole = Math.multiplyExact(instant.getEpochSecond(), MICROS);
        return Math.addExact(whole, instant.get(ChronoField.MICRO_OF_SECOND));
    }

    /** One text in the usual form; {@link #UNKNOWN} when it is not, whatever the reason. */
    private final class FastForm {

        static final long UNKNOWN = Long.MAX_VALUE;

        private final char[] text;
        private final int from;
        private final int length;
        private boolean bad;
        private int microsOfMinute;

        FastForm(char[] text, int from, int length) {
            this.text = text;
            this.from = from;
            this.length = length;
        }

        long micros() {
            if (length < MINUTES_LENGTH) {
                return UNKNOWN;
            }
            long seconds = localSeconds();
            int next = afterSeconds();
            if (bad || next > length) {
                return UNKNOWN;
            }
            long offset = next == length ? zoneOffset(seconds) : offset(next);
            return bad ? UNKNOWN : (seconds - offset) * MICROS + microsOfMinute;
        }

        private char at(int index) {
            return text[from + index];
        }

        private long localSeconds() {
            expect(4, '-');
            expect(7, '-');
            bad |= at(DATE_LENGTH) != 'T' && at(DATE_LENGTH) != ' ';
            expect(13, ':');
            int month = number(5, 2);
            int day = number(8, 2);
            int hour = number(11, 2);
            int minute = number(14, 2);
            int year = number(0, 4);
            bad |= year < 1 || month < 1 || month > 12 || hour > 23 || minute > 59;
            bad |= bad || day < 1 || day > Calendar.daysInMonth(year, month);
            return bad ? 0 : Calendar.epochDay(year, month, day) * SECONDS_PER_DAY + hour * 3600L + minute * 60L;
        }

        /** Reads seconds and their fraction into microsOfMinute; the index behind them. */
        private int afterSeconds() {
            if (length == MINUTES_LENGTH || at(MINUTES_LENGTH) != ':') {
                return MINUTES_LENGTH;
            }
            if (length < SECONDS_LENGTH) {
                bad = true;
                return length;
            }
            int second = number(17, 2);
            bad |= second > 59;
            microsOfMinute = (int) (second * MICROS);
            boolean point = length > SECONDS_LENGTH && at(SECONDS_LENGTH) == '.';
            return point ? afterFraction(SECONDS_LENGTH + 1) : SECONDS_LENGTH;
        }

        private int afterFraction(int start) {
            int index = start;
            int micros = 0;
            while (index < length && isDigit(at(index))) {
                if (index - start < FRACTION_DIGITS) {
                    micros = micros * 10 + at(index) - '0';
                }
                index++;
            }
            int digits = index - start;
            bad |= digits == 0 || digits > MAX_FRACTION_DIGITS;
            for (int i = digits; i < FRACTION_DIGITS; i++) {
                micros *= 10;
            }
            microsOfMinute += micros;
            return index;
        }

        private long offset(int index) {
            int rest = length - index;
            char sign = at(index);
            if (sign == 'Z' && rest == 1) {
                return 0;
            }
            boolean colon = rest == 6 && at(index + 3) == ':';
            bad |= sign != '+' && sign != '-' || !(colon || rest == 5 || rest == 3);
            if (bad) {
                return 0;
            }
            int hours = number(index + 1, 2);
            int minutes = rest == 3 ? 0 : number(index + (colon ? 4 : 3), 2);
            bad |= hours > 18 || minutes > 59;
            int seconds = hours * 3600 + minutes * 60;
            return sign == '-' ? -seconds : seconds;
        }

        private long zoneOffset(long localSeconds) {
            if (zone == null) {
                bad = true;
                return 0;
            }
            LocalDateTime local = LocalDateTime.ofEpochSecond(localSeconds, 0, ZoneOffset.UTC);
            return zone.getRules().getOffset(local).getTotalSeconds();
        }

        private void expect(int index, char c) {
            bad |= at(index) != c;
        }

        private int number(int index, int digits) {
            int value = 0;
            for (int i = index; i < index + digits; i++) {
                char c = at(i);
                bad |= !isDigit(c);
                value = value * 10 + (c - '0');
            }
            return value;
        }

        private static boolean isDigit(char c) {
            return c >= '0' && c <= '9';
        }
    }
}
