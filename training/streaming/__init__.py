"""The Flink job that learns from the stream."""
