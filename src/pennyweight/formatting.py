"""Numbers and rows of text in the form that people read."""

from collections.abc import Sequence

__all__ = ["aligned", "count", "duration", "rough_duration", "size"]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines of text in aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def count(n: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless the number is one."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def duration(seconds: float) -> str:
    """Return a duration in a suitable unit, such as ``2 min 5 s``."""
    if seconds < 1:
        return f"{seconds * 1_000:.0f} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def rough_duration(seconds: float) -> str:
    """Return an estimated duration in its two largest units, such as ``20 s`` or ``1 h 5 min``."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 10:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def size(nbytes: int) -> str:
    """Return a number of bytes in a suitable unit, such as ``25.3 MB``."""
    amount = float(nbytes)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1_000:
            return f"{amount:.3g} {unit}"
        amount /= 1_000
    return f"{amount:,.1f} GB"
