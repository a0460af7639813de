"""Pretrained encoders by name: the one place that knows how to open each kind."""

from pathlib import Path

from pennyweight.encoders.operators import Precision
from pennyweight.encoders.protocol import Encoder
from pennyweight.encoders.tokens import READ_TOKENS
from pennyweight.encoders.transformer import TransformerEncoder

__all__ = ["open_pretrained"]


def open_pretrained(
    name: str | Path | None = None,
    *,
    precision: Precision = "fp32",
    threads: int | None = None,
    max_tokens: int = READ_TOKENS,
) -> Encoder:
    """Open a pretrained encoder.

    Parameters
    ----------
    name
        A folder, a Hugging Face id, or None for all-MiniLM-L6-v2.
    precision
        ``fp32``, or ``int8`` matrices.
    threads
        Threads to encode on; by default the cores this process may use.
    max_tokens
        Texts are cut to this many tokens, or to the limit of the model.

    Raises
    ------
    DataError
        Nothing of that name, or a model that cannot be used.
    """
    return TransformerEncoder.from_pretrained(
        name, precision=precision, threads=threads, max_tokens=max_tokens
    )
