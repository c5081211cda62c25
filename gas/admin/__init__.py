"""What operators ask for: where a result is, dead letters again, one result back, is everything in its place."""
