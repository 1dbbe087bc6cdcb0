"""Which configuration is tried next, and how long it trains: pure functions, without a clock."""
