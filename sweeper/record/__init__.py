"""A sweep's folder: what is written there, read, gone on with, and sent to a laptop as it grows."""
