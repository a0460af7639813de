"""Files of items or events that operators upload: read, looked at, then stored."""
