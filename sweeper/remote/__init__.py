"""Sweeps on a cluster's head, sent from a laptop and followed there."""
