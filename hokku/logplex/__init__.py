"""Lines become a buffer and tails."""
