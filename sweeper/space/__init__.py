"""What may be tried, and the configurations drawn from it: dicts of plain values."""
