"""Compression: pruned and distilled encoders, quantized vectors, and their measurement."""
