"""A sweep's folder: what is written there, read, compared and gone on with."""
