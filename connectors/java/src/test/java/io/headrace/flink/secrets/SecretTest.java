package io.headrace.flink.secrets;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SecretTest {

    @TempDir
    private Path folder;

    private String reference(String content) throws Exception {
        return "file:" + Files.writeString(folder.resolve("secret"), content);
    }

    @ParameterizedTest
    @CsvSource({"s3cret,s3cret", "' s3 cret \n',' s3 cret '", "'s3cret\r\n',s3cret", "'a\n\n','a\n'"})
    void aFileIsReadWithoutItsLastLineBreak(String content, String secret) throws Exception {
        assertThat(Secret.resolve("password", reference(content))).isEqualTo(secret);
    }

    @Test
    void aVariableIsRead() {
        assertThat(Secret.resolve("password", "env:PATH")).isEqualTo(System.getenv("PATH"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "file:///data", "file:relative", "env:", "env:a-b", "environment:PATH", ""})
    void anyOtherTextIsItself(String text) {
        assertThat(Secret.resolve("password", text)).isEqualTo(text);
    }

    @Test
    void whatCannotBeReadIsNamed() {
        assertThatThrownBy(() -> Secret.resolve("password", "env:NOT_SET_ANYWHERE"))
                .isInstanceOf(SecretException.class)
                .hasMessageContainingAll("'password'", "'NOT_SET_ANYWHERE'", "task managers");
        assertThatThrownBy(() -> Secret.resolve("password", "file:/not/there"))
                .isInstanceOf(SecretException.class)
                .hasMessageContainingAll("'password'", "'/not/there'", "Mount it");
    }

    @Test
    void aPathIsNoReferenceUnlessItsKeySaysSecret() throws Exception {
        String reference = reference("s3cret");
        assertThat(Secret.resolved(Map.of("warehouse", reference, "s3.secret-access-key", reference)))
                .isEqualTo(Map.of("warehouse", reference, "s3.secret-access-key", "s3cret"));
        assertThat(Secret.resolved(Map.of("uri", "env:PATH"))).isEqualTo(Map.of("uri", System.getenv("PATH")));
    }
}
