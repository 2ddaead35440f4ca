"""What is applied: view versions, runs, and the pointer from a view to the version that serves."""
