"""Formats of the numbers in reports."""

from pennyweight.config.report import Measurement

__all__ = ["capital", "compact", "interval", "share"]


def interval(measured: Measurement) -> str:
    """Return the ends of an interval of a ranking metric."""
    return f"{measured.low:.4f} to {measured.high:.4f}"


def share(value: float) -> str:
    """Return a share in percent."""
    return f"{100 * value:.1f} %"


def compact(value: float) -> str:
    """Return a number of any size in three or four digits, never as 4e-08."""
    if 0 < abs(value) < 0.001:
        return f"{value:.6f}"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def capital(text: str) -> str:
    """Return a text with a capital first letter."""
    return text[:1].upper() + text[1:]
