"""Pennyweight: language-model recommendations on the hardware you have."""
