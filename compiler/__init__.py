"""From a view's definition to a plan, and from the plan to Flink SQL and DuckDB SQL."""
