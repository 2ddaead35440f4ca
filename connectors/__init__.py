"""One file a system: Kafka, Iceberg, Delta, Cassandra; what Flink itself runs of them is in `connectors/java`."""
