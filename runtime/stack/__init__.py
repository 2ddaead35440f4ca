"""The local stack: Kafka, Cassandra and a Flink session cluster as plain processes: started, watched, stopped."""
