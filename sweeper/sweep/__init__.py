"""A sweep from its inputs to its results, run by Ray Tune."""
