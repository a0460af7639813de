"""Routes that answer in JSON."""
