"""Phrases about items, written once by a generative model from the items' own texts."""
