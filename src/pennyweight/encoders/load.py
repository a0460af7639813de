"""Encoders back from disk, by kind."""

from pathlib import Path

from pennyweight.encoders.projected import ENCODER, ProjectedEncoder
from pennyweight.encoders.protocol import Encoder
from pennyweight.encoders.static import StaticEncoder
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.word2vec import Word2VecEncoder
from pennyweight.errors import BundleError

__all__ = ["load_encoder"]


def load_encoder(kind: str, folder: Path) -> Encoder:
    """Read an encoder that its `save` wrote; `BundleError` for an unknown kind."""
    if kind == LexicalEncoder.kind:
        return LexicalEncoder.load(folder)
    if kind == Word2VecEncoder.kind:
        return Word2VecEncoder.load(folder)
    if kind == StaticEncoder.kind:
        return StaticEncoder.load(folder)
    if kind == TransformerEncoder.kind:
        return TransformerEncoder.restore(folder)
    if kind == ProjectedEncoder.kind:
        inner, axes, name = ProjectedEncoder.read(folder)
        return ProjectedEncoder(load_encoder(inner, folder / ENCODER), axes, name=name)
    raise BundleError(f"{folder}: encoder kind {kind!r} is not known to this version")
