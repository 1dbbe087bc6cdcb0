"""The configuration space, and the configurations drawn from it: dicts of plain values."""
