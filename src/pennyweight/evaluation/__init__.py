"""Evaluation: full ranking, metrics, intervals and tests."""
