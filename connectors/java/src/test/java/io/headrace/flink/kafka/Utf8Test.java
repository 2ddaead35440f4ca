package io.headrace.flink.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

class Utf8Test {

    @Test
    void agreesWithJavaOnRandomBytes() {
        Random random = new Random(11);
        int[] leads = {0x41, 0xC2, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0x80, 0x9F, 0xA0, 0xBF, 0x8F, 0x90, 0xF5};
        for (int round = 0; round < 60_000; round++) {
            byte[] bytes = new byte[random.nextInt(20)];
            for (int i = 0; i < bytes.length; i++) {
                int bound = round % 2 == 0 ? 1 + random.nextInt(leads.length) : leads.length;
                bytes[i] = (byte) leads[random.nextInt(bound)];
            }
            assertThat(Utf8.firstInvalid(bytes) == Utf8.VALID).isEqualTo(javaAccepts(bytes));
        }
        assertThat(Utf8.firstInvalid("aß漢😀".repeat(9).getBytes(StandardCharsets.UTF_8))).isEqualTo(Utf8.VALID);
    }

    private static boolean javaAccepts(byte[] bytes) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }
}
