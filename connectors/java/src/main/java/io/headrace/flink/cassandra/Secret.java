package io.headrace.flink.cassandra;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads a secret where it is used, so that plans and job graphs hold only its name. */
final class Secret {

    private static final String ENVIRONMENT = "env:";
    private static final String FILE = "file:";

    private Secret() {}

    /** The value behind {@code env:NAME} or {@code file:/path}; any other text is the value itself. */
    static String resolve(String option, String text) {
        if (text.startsWith(ENVIRONMENT)) {
            return fromEnvironment(option, text.substring(ENVIRONMENT.length()));
        }
        if (text.startsWith(FILE)) {
            return fromFile(option, text.substring(FILE.length()));
        }
        return text;
    }

    private static String fromEnvironment(String option, String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new CassandraSinkException("Option '" + option + "' refers to the environment variable '" + name
                    + "', which is not set for the task manager. Set it there and restart the task manager.");
        }
        return value;
    }

    private static String fromFile(String option, String path) {
        try {
            return Files.readString(Path.of(path)).strip();
        } catch (IOException e) {
            throw new CassandraSinkException("Option '" + option + "' refers to the file '" + path
                    + "', which the task manager cannot read. Mount it there, or correct the path.", e);
        }
    }
}
