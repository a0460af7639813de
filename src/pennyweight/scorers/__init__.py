"""Scorers: histories in, scores of all items out.

See `pennyweight.scorers.protocol.Scorer`.
"""
