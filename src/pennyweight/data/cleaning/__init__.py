"""Cleaning steps: from a table as it was read to values that can be used."""
