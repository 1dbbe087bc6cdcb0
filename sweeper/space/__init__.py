"""What may be tried, and which configurations are: from distributions to dicts of plain values."""
