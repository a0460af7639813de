"""Validation: faults, personal data and leaks in the data."""
