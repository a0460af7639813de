"""Smaller models: fewer layers, heads, neurons and tokens, and narrower item vectors."""
