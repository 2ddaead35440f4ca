"""The streaming trainer in Flink, measured beside its own learner without Flink."""
