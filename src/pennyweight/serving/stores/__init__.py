"""Stores: events, items, recommendation logs and settings, kept durably."""
