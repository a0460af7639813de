"""Vectors: quantized rows, products in int8, principal components."""
