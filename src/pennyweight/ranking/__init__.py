"""Ranking: from a request to a list, in the same way for Python, files and the service."""
