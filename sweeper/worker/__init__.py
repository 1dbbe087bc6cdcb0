"""Runs the user's objective in a process, one trial after another."""
