"""Frozen values: what to build (Plan), what it may cost (Budget), what came out (Report)."""
