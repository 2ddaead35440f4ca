package io.headrace.flink.kafka;

/** Days of the proleptic Gregorian calendar (source: H. Hinnant, "chrono-compatible low-level date algorithms"). */
final class Calendar {

    private static final int[] DAYS = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    private static final int FEBRUARY = 2;
    private static final int DAYS_PER_ERA = 146_097;
    private static final int YEARS_PER_ERA = 400;

    /** Days from 0000-03-01, where the eras of 400 years begin, to 1970-01-01. */
    private static final int EPOCH = 719_468;

    private Calendar() {}

    static int daysInMonth(int year, int month) {
        boolean leap = year % 4 == 0 && (year % 100 != 0 || year % YEARS_PER_ERA == 0);
        return month == FEBRUARY && leap ? 29 : DAYS[month - 1];
    }

    /** Days since 1970-01-01 of a valid date in the years 1 to 9999. */
    static long epochDay(int year, int month, int day) {
        int fromMarch = month <= FEBRUARY ? year - 1 : year;
        int era = fromMarch / YEARS_PER_ERA;
        int yearOfEra = fromMarch - era * YEARS_PER_ERA;
        int monthFromMarch = (month + 9) % 12;
        int dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1;
        int dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
        return (long) era * DAYS_PER_ERA + dayOfEra - EPOCH;
    }
}
