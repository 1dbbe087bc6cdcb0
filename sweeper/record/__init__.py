"""Writes and reads a sweep's folder, resumes from it, and sends it to a laptop as it grows."""
