"""The command `sweeper`."""
