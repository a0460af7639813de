"""Frozen values: the plan, the budget, the report."""
