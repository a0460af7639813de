"""Kinds of encoders by name; other packages register theirs as entry points."""

from pathlib import Path

from pennyweight.encoders.protocol import Encoder
from pennyweight.errors import BundleError
from pennyweight.plugins import PluginRegistry

__all__ = ["ENCODERS", "load_encoder", "register_encoder"]

ENCODERS: PluginRegistry[Encoder] = PluginRegistry(
    "pennyweight.encoders",
    {
        "lexical": "pennyweight.encoders.tfidf:LexicalEncoder",
        "word2vec": "pennyweight.encoders.word2vec:Word2VecEncoder",
        "static": "pennyweight.encoders.static:StaticEncoder",
        "onnx": "pennyweight.encoders.exported:ExportedEncoder",
        "transformer": "pennyweight.encoders.transformer:TransformerEncoder",
        "endpoint": "pennyweight.encoders.endpoint:EndpointEncoder",
        "gguf": "pennyweight.encoders.gguf:GgufEncoder",
        "projected": "pennyweight.encoders.projected:ProjectedEncoder",
    },
)


def register_encoder(kind: type[Encoder]) -> type[Encoder]:
    """Register a class of encoders for this process; packages use entry points instead."""
    ENCODERS.add(kind.kind, kind)
    return kind


def load_encoder(kind: str, folder: Path) -> Encoder:
    """Read an encoder that its `save` wrote; `BundleError` for a kind that nothing provides."""
    encoder = ENCODERS.find(kind)
    if encoder is None:
        raise BundleError(
            f"{folder}: encoder kind {kind!r} is not known here; install the package that provides "
            f"it (entry point group {ENCODERS.group})"
        )
    return encoder.load(folder)
