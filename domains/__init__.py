"""What agents do: one folder per domain, pure, loaded by runtime only."""
