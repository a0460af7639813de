"""What the service must not lose: events, items, lists that were shown, and settings."""
