"""What learns from micro-batches, and the loop around it."""
