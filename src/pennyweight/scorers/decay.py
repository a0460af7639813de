"""How fast interest fades: the decays that are tried on validation data."""

__all__ = ["DECAYS"]

DECAYS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.97)  # weight of an event relative to the one after it
