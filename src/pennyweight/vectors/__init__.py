"""Item and token vectors: quantized rows, products in int8, principal components."""
