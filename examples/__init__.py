"""Worked examples: feature files as users write them, and the data they run on."""
