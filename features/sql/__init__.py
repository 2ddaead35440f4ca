"""Features as SQL: text to the same plan as the Python form, and a view back to text. Parsing is sqlglot's."""
