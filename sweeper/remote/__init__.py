"""Sends sweeps from a laptop to a cluster's head, and follows them there."""
