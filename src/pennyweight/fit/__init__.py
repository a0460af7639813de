"""The main job: from two tables to a measured recommender."""

from pennyweight.fit.flow import evaluate, fit

__all__ = ["evaluate", "fit"]
