"""Chooses which configuration comes next and how long it trains: pure functions, no clock."""
