"""The demo's river: every flight that left New York in 2013, as departure and arrival events."""
