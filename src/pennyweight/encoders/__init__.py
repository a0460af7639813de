"""Texts to vectors; see `pennyweight.encoders.protocol.Encoder`."""
