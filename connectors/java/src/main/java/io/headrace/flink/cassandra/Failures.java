package io.headrace.flink.cassandra;

import com.datastax.oss.driver.api.core.AllNodesFailedException;
import com.datastax.oss.driver.api.core.DriverException;
import com.datastax.oss.driver.api.core.InvalidKeyspaceException;
import com.datastax.oss.driver.api.core.UnsupportedProtocolVersionException;
import com.datastax.oss.driver.api.core.auth.AuthenticationException;
import com.datastax.oss.driver.api.core.connection.ConnectionInitException;
import com.datastax.oss.driver.api.core.servererrors.FunctionFailureException;
import com.datastax.oss.driver.api.core.servererrors.ProtocolError;
import com.datastax.oss.driver.api.core.servererrors.QueryValidationException;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletionException;

/** Tells a failure that waiting may cure from one that it cannot. */
final class Failures {

    private Failures() {}

    /** True for timeouts, overload, unavailable replicas and lost connections; the statement must be idempotent. */
    static boolean isRetryable(Throwable failure) {
        Throwable cause = unwrap(failure);
        if (cause instanceof AllNodesFailedException all) {
            return nodeErrors(all).stream().allMatch(Failures::isRetryable);
        }
        if (cause instanceof ConnectionInitException && cause.getCause() instanceof DriverException inner) {
            return isRetryable(inner);
        }
        return (cause instanceof DriverException || cause instanceof IOException) && !isFinal(cause);
    }

    /** The failure without the wrappers of futures, and of a single node when all nodes say the same. */
    static Throwable rootOf(Throwable failure) {
        Throwable cause = unwrap(failure);
        if (cause instanceof AllNodesFailedException all && !nodeErrors(all).isEmpty()) {
            return nodeErrors(all).iterator().next();
        }
        return cause;
    }

    /** One line for logs and errors. */
    static String describe(Throwable failure) {
        Throwable root = rootOf(failure);
        String message = root.getMessage() == null ? "" : ": " + root.getMessage().lines().findFirst().orElse("");
        return root.getClass().getSimpleName() + message;
    }

    private static boolean isFinal(Throwable cause) {
        return cause instanceof QueryValidationException
                || cause instanceof ProtocolError
                || cause instanceof FunctionFailureException
                || cause instanceof AuthenticationException
                || cause instanceof InvalidKeyspaceException
                || cause instanceof UnsupportedProtocolVersionException;
    }

    private static Collection<Throwable> nodeErrors(AllNodesFailedException all) {
        return all.getAllErrors().values().stream().flatMap(List::stream).toList();
    }

    private static Throwable unwrap(Throwable failure) {
        Throwable cause = failure;
        while (cause instanceof CompletionException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }
}
