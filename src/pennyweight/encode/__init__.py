"""Texts to vectors; see `pennyweight.encode.protocol.Encoder`."""
