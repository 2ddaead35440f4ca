"""Training: datasets, the loop that learns, models with a governed life, and the job that learns from the stream."""
