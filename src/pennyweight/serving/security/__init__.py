"""Keys, scopes, sessions and rates: who may ask, and how often."""
