package io.headrace.flink.functions;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.LocalDate;
import org.apache.flink.table.data.StringData;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.Test;

class ScalarFunctionsTest {

    private static final String NAME = "fraud.total_amount";
    private static final StringData LABEL = StringData.fromString(NAME);
    private static final long MICROS_PER_DAY = 86_400_000_000L;

    @Test
    void integersAreDividedRoundingDownAndTheRestHasTheDivisorsSign() {
        assertThat(new HrFloorDiv().eval(-7L, 2L, LABEL)).isEqualTo(-4L);
        assertThat(new HrFloorDiv().eval(7L, -2L, LABEL)).isEqualTo(-4L);
        assertThat(new HrFloorMod().eval(-7L, 2L)).isEqualTo(1L);
        assertThat(new HrFloorMod().eval(7L, -2L)).isEqualTo(-1L);
        assertThat(new HrFloorMod().eval(Long.MIN_VALUE, -1L)).isZero();
        assertThat(new HrFloorMod().eval(-7.5, 2.0)).isEqualTo(0.5);
        assertThat(new HrFloorMod().eval(7.5, -2.0)).isEqualTo(-0.5);
    }

    @Test
    void byZeroAndOfNullIsNull() {
        assertThat(new HrFloorDiv().eval(1L, 0L, LABEL)).isNull();
        assertThat(new HrFloorMod().eval(1L, 0L)).isNull();
        assertThat(new HrFloorMod().eval(1.0, -0.0)).isNull();
        assertThat(new HrFloorDiv().eval(null, 1L, LABEL)).isNull();
        assertThat(new HrFloorMod().eval((Long) null, 1L)).isNull();
        assertThat(new HrToBigint().eval(null, LABEL)).isNull();
        assertThat(new HrDatePart().eval(null, StringData.fromString("YEAR"))).isNull();
        assertThat(new HrUpper().eval(null)).isNull();
        assertThat(new HrLower().eval(null)).isNull();
    }

    @Test
    void aFloatLosesItsFractionAndWhatIsNoNumberIsNull() {
        assertThat(new HrToBigint().eval(-1.9, LABEL)).isEqualTo(-1L);
        assertThat(new HrToBigint().eval(-0x1p63, LABEL)).isEqualTo(Long.MIN_VALUE);
        assertThat(new HrToBigint().eval(Double.NaN, LABEL)).isNull();
        assertThat(new HrToBigint().eval(Double.NEGATIVE_INFINITY, LABEL)).isNull();
    }

    @Test
    void whatIsNoFiniteNumberIsNull() {
        assertThat(new HrFinite().eval(-1.5)).isEqualTo(-1.5);
        assertThat(new HrFinite().eval(Double.MAX_VALUE)).isEqualTo(Double.MAX_VALUE);
        assertThat(new HrFinite().eval(Double.NaN)).isNull();
        assertThat(new HrFinite().eval(Double.POSITIVE_INFINITY)).isNull();
        assertThat(new HrFinite().eval(null)).isNull();
    }

    @Test
    void oneElementThatIsNoFiniteNumberIsEnough() {
        assertThat(new HrAllFinite().eval(new Double[] {0.0, null, -Double.MAX_VALUE})).isTrue();
        assertThat(new HrAllFinite().eval(new Double[] {0.0, Double.NaN})).isFalse();
        assertThat(new HrAllFinite().eval(new Double[] {Double.NEGATIVE_INFINITY, null})).isFalse();
        assertThat(new HrAllFinite().eval(new Double[] {})).isTrue();
        assertThat(new HrAllFinite().eval(null)).isTrue();
    }

    @Test
    void whatElementsLackIsFoundBelowStructsThatAreThere() {
        Row whole = Row.withNames();
        whole.setField("country", "CH");
        whole.setField("lat", 1.5);
        Row lacking = Row.withNames();
        lacking.setField("country", null);
        lacking.setField("lat", Double.NaN);
        Object[] around = {null, holding(null), holding(whole)};
        assertThat(new HrLacks().eval(null, "country")).isFalse();
        assertThat(new HrLacks().eval(new Row[] {}, "country")).isFalse();
        assertThat(new HrLacks().eval(new Row[] {null, whole}, "country")).isFalse();
        assertThat(new HrLacks().eval(new Row[] {whole, lacking}, "country")).isTrue();
        assertThat(new HrLacks().eval(around, "spot.country")).isFalse();
        assertThat(new HrLacks().eval(around, "spot")).isTrue();
        assertThat(new HrLacks().eval(new Row[] {holding(lacking)}, "spot.country")).isTrue();
        assertThat(new HrAllFinite().eval(around, "spot.lat")).isTrue();
        assertThat(new HrAllFinite().eval(new Row[] {whole, lacking}, "lat")).isFalse();
        assertThat(new HrAllFinite().eval(null, "lat")).isTrue();
    }

    private static Row holding(Row spot) {
        Row holder = Row.withNames();
        holder.setField("spot", spot);
        return holder;
    }

    @Test
    void theRankOfATextIsTheStartOfItsMd5() {
        HrRank rank = new HrRank();
        rank.open(null);
        assertThat(rank.eval(StringData.fromString("Zürich-7"))).isEqualTo(483_750_332_733_955_389L);
        assertThat(rank.eval(StringData.fromString(""))).isEqualTo(955_282_973_525_019_424L);
        assertThat(rank.eval(null)).isNull();
    }

    @Test
    void anOverflowNamesTheFeature() {
        assertThatThrownBy(() -> new HrToBigint().eval(0x1p63, LABEL)).hasMessageContaining(NAME);
        assertThatThrownBy(() -> new HrToBigint().eval(-1e300, LABEL)).hasMessageContaining(NAME);
        assertThatThrownBy(() -> new HrFloorDiv().eval(Long.MIN_VALUE, -1L, LABEL)).hasMessageContaining(NAME);
    }

    @Test
    void aDayHasItsFieldsBeforeTheEpochToo() {
        assertDay(LocalDate.of(1969, 12, 31), "YEAR", 1969);
        assertDay(LocalDate.of(1968, 2, 29), "DAY_OF_YEAR", 60);
        assertDay(LocalDate.of(1960, 5, 3), "DAY_OF_QUARTER", 33);
        assertDay(LocalDate.of(2024, 12, 30), "ISO_YEAR", 2025);
        assertDay(LocalDate.of(2024, 12, 30), "ISO_WEEK", 1);
        assertDay(LocalDate.of(2024, 12, 30), "MONTH", 12);
        assertDay(LocalDate.of(1, 1, 1), "DAY", 1);
    }

    private static void assertDay(LocalDate day, String part, long expected) {
        long start = day.toEpochDay() * MICROS_PER_DAY;
        StringData name = StringData.fromString(part);
        assertThat(new HrDatePart().eval(start, name)).isEqualTo(expected);
        assertThat(new HrDatePart().eval(start + MICROS_PER_DAY - 1, name)).isEqualTo(expected);
    }

    @Test
    void lettersChangeOneByOneInNoLanguage() {
        assertThat(upper("straße ŉ \uD801\uDC28 \uD801\uDD97")).isEqualTo("STRAẞE ŉ \uD801\uDC00 \uD801\uDD70");
        assertThat(lower("İI ΣΑΣ \uD801\uDC00 \uA7D0")).isEqualTo("ii σασ \uD801\uDC28 \uA7D1");
    }

    @Test
    void stringsAreOrderedByCodePoints() {
        String[] ordered = {"", "a", "aa", "b", "é", "\uE000", "\uFFFF", "\uD800\uDF48", "\uD83D\uDE00", "\uD83D\uDE00a"};
        for (int i = 0; i < ordered.length; i++) {
            for (int j = 0; j < ordered.length; j++) {
                int found = new HrCompare().eval(StringData.fromString(ordered[i]), StringData.fromString(ordered[j]));
                assertThat(Integer.signum(found)).isEqualTo(Integer.compare(i, j));
            }
        }
        assertThat(new HrCompare().eval(null, LABEL)).isNull();
        assertThat(new HrCompare().eval(LABEL, null)).isNull();
    }

    @Test
    void likeIsOfTheWholeTextAndGoesBackToTheLastPercent() {
        assertThat(like("mississippi", "m%iss%pi")).isTrue();
        assertThat(like("mississippi", "m%iss")).isFalse();
        assertThat(like("a\n\uD83D\uDE00", "a__")).isTrue();
        assertThat(like("a", "a%a")).isFalse();
        assertThat(like("aba", "%a%a%")).isTrue();
        assertThat(like("", "%%")).isTrue();
        assertThat(like("", "_")).isFalse();
        assertThat(like("a%", "a\\%")).isFalse();
        assertThat(new HrLike().eval(null, LABEL)).isNull();
    }

    @Test
    void patternsAreFoundInALongTextWithoutRecursion() {
        StringData text = StringData.fromString("ab".repeat(100_000) + "c");
        StringData pattern = StringData.fromString("^(?:a|b)*(?:a+)+$");
        assertThat(new HrReSearch().eval(text, pattern)).isFalse();
        assertThat(new HrReSearch().eval(null, pattern)).isNull();
        assertThat(new HrReSearch().eval(text, null)).isNull();
    }

    @Test
    void oneFunctionAnswersForDifferentPatterns() {
        HrReExtract extract = new HrReExtract();
        StringData text = StringData.fromString("a1\uD83D\uDE00");
        assertThat(extract.eval(text, StringData.fromString("[0-9](.)"), 1)).hasToString("\uD83D\uDE00");
        assertThat(extract.eval(text, StringData.fromString("a(b)?"), 1)).hasToString("");
        assertThat(extract.eval(text, StringData.fromString("b"), 0)).isNull();
        assertThat(extract.eval(null, StringData.fromString("b"), 0)).isNull();
    }

    @Test
    void aReplacementNamesGroupsAndBackslashes() {
        StringData pattern = StringData.fromString("(a)|(b)");
        StringData replacement = StringData.fromString("<\\1\\2$1\\\\>");
        StringData found = new HrReReplace().eval(StringData.fromString("abc"), pattern, replacement);
        assertThat(found).hasToString("<a$1\\><b$1\\>c");
        assertThat(new HrReReplace().eval(null, pattern, replacement)).isNull();
    }

    private static boolean like(String text, String pattern) {
        return new HrLike().eval(StringData.fromString(text), StringData.fromString(pattern));
    }

    private static String upper(String text) {
        return new HrUpper().eval(StringData.fromString(text)).toString();
    }

    private static String lower(String text) {
        return new HrLower().eval(StringData.fromString(text)).toString();
    }
}
