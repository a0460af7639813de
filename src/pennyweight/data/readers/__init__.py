"""Readers of file formats and shapes: from bytes and rows to a table."""
