"""Fitting: from two tables to a measured recommender."""

from pennyweight.fitting.pipeline import evaluate, fit

__all__ = ["evaluate", "fit"]
