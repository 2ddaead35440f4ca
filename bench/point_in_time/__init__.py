"""Point-in-time joins: ours beside DuckDB by hand, pandas, polars and Feast, each in a process of its own."""
