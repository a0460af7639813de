"""Ranking: from a request to a list, the same for Python, files and the service."""
