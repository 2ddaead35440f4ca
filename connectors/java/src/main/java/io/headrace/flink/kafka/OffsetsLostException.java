package io.headrace.flink.kafka;

import org.apache.flink.runtime.throwable.ThrowableAnnotation;
import org.apache.flink.runtime.throwable.ThrowableType;

/**
 * The log no longer holds an offset that the job has to read. No restart can cure that, so Flink is told not
 * to try one: the job fails, and its state stays as it was.
 */
@ThrowableAnnotation(ThrowableType.NonRecoverableError)
public final class OffsetsLostException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public OffsetsLostException(String message) {
        super(message);
    }

    public OffsetsLostException(String message, Throwable cause) {
        super(message, cause);
    }
}
