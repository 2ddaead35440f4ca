package io.headrace.flink.secrets;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Reads a secret where it is used, so that tables, plans and job graphs hold only its place.
 *
 * <p>{@link SecretException} when it cannot be read. The rule for what a reference is, is that of {@code
 * connectors/secret.py}; a test there compares the two patterns.
 */
public final class Secret {

    private static final Pattern REFERENCE = Pattern.compile("env:[A-Za-z_][A-Za-z0-9_]*|file:/(?!/).+");
    private static final Pattern REFERRING = Pattern.compile(
            "password|passwd|secret|token|credential|jaas|access-key|private-key|api-key|username",
            Pattern.CASE_INSENSITIVE);

    private static final String ENVIRONMENT = "env:";
    private static final String FILE = "file:";

    private Secret() {}

    /** The value behind {@code env:NAME} or {@code file:/path}; any other text is the value itself. */
    public static String resolve(String option, String text) {
        if (!REFERENCE.matcher(text).matches()) {
            return text;
        }
        return text.startsWith(ENVIRONMENT)
                ? fromEnvironment(option, text.substring(ENVIRONMENT.length()))
                : fromFile(option, text.substring(FILE.length()));
    }

    /** The properties with every secret read; a file is one only under a key that says secret or user name. */
    public static Map<String, String> resolved(Map<String, String> properties) {
        Map<String, String> values = new HashMap<>();
        properties.forEach((key, text) -> values.put(key, mayRefer(key, text) ? resolve(key, text) : text));
        return values;
    }

    private static boolean mayRefer(String key, String text) {
        return text.startsWith(ENVIRONMENT) || REFERRING.matcher(key).find();
    }

    private static String fromEnvironment(String option, String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new SecretException("Option '" + option + "' refers to the environment variable '" + name
                    + "', which is not set here. Set it for Flink's job manager and task managers, and restart them.");
        }
        return value;
    }

    /** The last line break is not part of the secret. */
    private static String fromFile(String option, String path) {
        try {
            return withoutEnd(withoutEnd(Files.readString(Path.of(path)), "\n"), "\r");
        } catch (IOException e) {
            throw new SecretException("Option '" + option + "' refers to the file '" + path
                    + "', which cannot be read here. Mount it for Flink's job manager and task managers, or correct"
                    + " the path.", e);
        }
    }

    private static String withoutEnd(String text, String end) {
        return text.endsWith(end) ? text.substring(0, text.length() - end.length()) : text;
    }
}
