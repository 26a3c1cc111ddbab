"""What keeps a data directory and a running service well: looked at, measured, repaired, merged, tried out."""
