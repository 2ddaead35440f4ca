"""Settings, the local stack, and the submission of jobs to Flink."""
