"""Data: readers and cleaning, from tables to a catalog and an event log."""
