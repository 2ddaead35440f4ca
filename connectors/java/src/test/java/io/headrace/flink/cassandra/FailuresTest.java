package io.headrace.flink.cassandra;

import static org.assertj.core.api.Assertions.assertThat;

import com.datastax.oss.driver.api.core.AllNodesFailedException;
import com.datastax.oss.driver.api.core.DriverTimeoutException;
import com.datastax.oss.driver.api.core.NoNodeAvailableException;
import com.datastax.oss.driver.api.core.connection.BusyConnectionException;
import com.datastax.oss.driver.api.core.connection.ClosedConnectionException;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.servererrors.InvalidQueryException;
import com.datastax.oss.driver.api.core.servererrors.OverloadedException;
import com.datastax.oss.driver.api.core.servererrors.SyntaxError;
import com.datastax.oss.driver.api.core.servererrors.UnauthorizedException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FailuresTest {

    static List<Throwable> curable() {
        return List.of(
                new DriverTimeoutException("timed out"),
                new OverloadedException(null),
                new NoNodeAvailableException(),
                new ClosedConnectionException("closed"),
                new CompletionException(new BusyConnectionException(1)),
                AllNodesFailedException.fromErrors(List.of(Map.entry(node(), new OverloadedException(null)))));
    }

    static List<Throwable> incurable() {
        return List.of(
                new InvalidQueryException(null, "bad"),
                new UnauthorizedException(null, "no"),
                new SyntaxError(null, "bad"),
                new CompletionException(new IllegalStateException("bug")),
                AllNodesFailedException.fromErrors(
                        List.of(Map.entry(node(), new InvalidQueryException(null, "bad")))));
    }

    @ParameterizedTest
    @MethodSource("curable")
    void waitsForWhatMayPass(Throwable failure) {
        assertThat(Failures.isRetryable(failure)).isTrue();
    }

    @ParameterizedTest
    @MethodSource("incurable")
    void givesUpAtOnceOnTheRest(Throwable failure) {
        assertThat(Failures.isRetryable(failure)).isFalse();
    }

    @Test
    void describesTheFailureOfTheNode() {
        assertThat(Failures.describe(incurable().get(4))).isEqualTo("InvalidQueryException: bad");
    }

    @Test
    void pausesGrowAndAreBounded() {
        assertThat(Backoff.millis(1)).isBetween(50L, 100L);
        assertThat(Backoff.millis(1_000)).isBetween(1_500L, 3_000L);
    }

    /** A node that is only a key of a map. */
    private static Node node() {
        return (Node) Proxy.newProxyInstance(
                FailuresTest.class.getClassLoader(), new Class<?>[] {Node.class},
                (self, method, arguments) -> switch (method.getName()) {
                    case "hashCode" -> 1;
                    case "equals" -> self == arguments[0];
                    case "toString" -> "node";
                    default -> null;
                });
    }
}
