"""Learning from a stream of rows, beside a bare torch loop, river and Vowpal Wabbit."""
