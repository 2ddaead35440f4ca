"""Thin entry points: the command line, parsing and wiring."""
