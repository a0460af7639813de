"""The resources of a fit of a scorer."""

from dataclasses import dataclass

__all__ = ["ResourceEstimate"]


@dataclass(frozen=True)
class ResourceEstimate:
    """Memory and work of one fit.

    Attributes
    ----------
    peak_bytes
        Held while it is fitted.
    held_bytes
        Held afterwards.
    operations
        Of float32, other work in terms of them.
    resumed_share
        Share of the operations that a fit takes which goes on from an earlier one.
    """

    peak_bytes: int = 0
    held_bytes: int = 0
    operations: float = 0.0
    resumed_share: float = 1.0
