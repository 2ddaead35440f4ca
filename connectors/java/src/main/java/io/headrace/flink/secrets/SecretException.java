package io.headrace.flink.secrets;

/** A secret cannot be read; the message names the option and the place, never a value. */
public final class SecretException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    SecretException(String message) {
        super(message);
    }

    SecretException(String message, Throwable cause) {
        super(message, cause);
    }
}
