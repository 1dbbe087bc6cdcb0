"""The hyperparameters of a sweep as axes, each value at its probability."""
