"""The user's objective and the process that runs it, one trial after another."""
