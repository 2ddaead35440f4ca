"""Templates that engineers subclass: archive, features, backfill."""
