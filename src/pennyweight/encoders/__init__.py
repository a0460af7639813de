"""Encoders: item text to vectors.

See `pennyweight.encoders.protocol.Encoder`.
"""
