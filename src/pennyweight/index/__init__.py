"""Vector search over the items."""
