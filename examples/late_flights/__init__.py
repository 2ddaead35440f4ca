"""The demo of learning: whether a flight arrives late, learned from history and on from the stream, and governed."""
