"""Scorers: histories in, scores over all items out; see `protocol.Scorer`."""
