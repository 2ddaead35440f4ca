package io.headrace.flink.functions;

/**
 * Count, mean and sum of squared deviations (m2) of some numbers; without any all are zero.
 *
 * <p>Welford for one number, Chan for a merge: stable where SUM(x*x) cancels. The last bits depend on the order.
 */
public record Moments(long n, double mean, double m2) {

    public static final Moments NONE = new Moments(0, 0, 0);

    /** With one number more. */
    public Moments plus(double x) {
        double before = x - mean;
        double after = mean + before / (n + 1);
        return new Moments(n + 1, after, m2 + before * (x - after));
    }

    /** With the numbers of others; where one side has none it is the other, to the bit and however far from zero. */
    public Moments plus(Moments others) {
        if (n == 0 || others.n == 0) {
            return n == 0 ? others : this;
        }
        double delta = others.mean - mean;
        double share = (double) others.n / (n + others.n);
        return new Moments(n + others.n, mean + delta * share, m2 + others.m2 + delta * delta * n * share);
    }
}
