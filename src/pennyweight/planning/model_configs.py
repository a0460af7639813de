"""The settings of transformer families in ``config.json``, in the terms of a shape."""

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

from pennyweight.encoders.families import FAMILIES, SHARED_LAYERS
from pennyweight.errors import DataError

__all__ = ["settings_of"]

Config = Mapping[str, Any]


def settings_of(config: Config, source: str) -> dict[str, Any]:
    """Return the fields of an `EncoderShape` but its name.

    Raises
    ------
    DataError
        The family is unknown, or a setting is missing or no positive number.
    """
    kind = config.get("model_type")
    if kind == "gemma3" and isinstance(config.get("text_config"), Mapping):
        config, kind = config["text_config"], "gemma3_text"
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise DataError(
            f"{source}: model_type {kind!r} is not supported; supported are {', '.join(_READERS)}"
        )
    return read(_Settings(config, source))


class _Settings:
    """Numbers of a config; errors name its file and the key."""

    def __init__(self, config: Config, source: str) -> None:
        self.config, self.source = config, source

    def number(self, key: str, default: int | None = None) -> int:
        value = self.config.get(key)
        value = default if value is None else value
        if value is None:
            raise DataError(f"{self.source}: key {key!r} is missing; give the model's own config")
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise DataError(f"{self.source}: {key} = {value!r}: must be a whole number from 1 up")
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self.config.get(key, default)
        if not isinstance(value, bool):
            raise DataError(f"{self.source}: {key} = {value!r}: must be true or false")
        return value

    def head_dim(self, width: int, heads: int, default: int | None = None) -> int:
        if self.config.get("head_dim") is None and default is None and width % heads:
            raise DataError(f"{self.source}: a width of {width} does not divide by {heads} heads")
        return self.number("head_dim", default or width // heads)


def _bert(settings: _Settings) -> dict[str, Any]:
    """Read BERT and the families of `pennyweight.encoders.families`."""
    kind = settings.config["model_type"]
    family = FAMILIES[kind]
    own = _Settings(family.standard_config(settings.config), settings.source)
    width, layers = own.number("hidden_size"), own.number("num_hidden_layers")
    heads, inner = own.number("num_attention_heads"), own.number("intermediate_size")
    narrow = own.number("embedding_size", width)
    places = own.number("max_position_embeddings", 512)
    segments = own.number("type_vocab_size", 2) if family.segments else 0
    # The first position of a text is 0, or the number after that of the padding.
    first = family.first_position
    skipped = int(own.config.get("pad_token_id", 1)) + 1 if first is None else first
    buckets = own.number("relative_attention_num_buckets", 32) if family.relative else 0
    pooler = kind not in ("distilbert", "electra")
    head_dim = own.head_dim(width, heads)
    attended = heads * head_dim
    return {
        "kind": "encoder",
        "layers": layers,
        "width": width,
        "heads": heads,
        "kv_heads": heads,
        "head_dim": head_dim,
        "intermediate": inner,
        "gated": False,
        "vocabulary": own.number("vocab_size"),
        "max_tokens": places - skipped,
        "dim": width,
        "embedding_width": narrow,
        "positions": places + segments,
        "layer_vectors": 3 * attended + width + inner + width + 4 * width,
        "vectors": 2 * narrow
        + (width if narrow != width else 0)
        + buckets * heads
        + (width if pooler else 0),
        "pooler": pooler,
        "stored_layers": len(set(own.config.get(SHARED_LAYERS, range(layers)))),
    }


def _modernbert(settings: _Settings) -> dict[str, Any]:
    own = settings
    width, layers = own.number("hidden_size"), own.number("num_hidden_layers")
    heads, inner = own.number("num_attention_heads"), own.number("intermediate_size")
    norm = width * (2 if own.flag("norm_bias", False) else 1)
    attention = 4 * width if own.flag("attention_bias", False) else 0
    feed = 2 * inner + width if own.flag("mlp_bias", False) else 0
    every = own.number("global_attn_every_n_layers", 3)
    return {
        **_causal(own, width, layers, heads),
        "kind": "encoder",
        "kv_heads": heads,
        "intermediate": inner,
        "layer_vectors": 2 * norm + attention + feed,
        "vectors": norm,  # that of the embeddings and of the end, less the first layer's
        "head": "none",
        "window": own.number("local_attention", 128),
        "windowed_layers": layers - ceil(layers / every),
    }


def _t5(settings: _Settings) -> dict[str, Any]:
    own = settings
    width, layers = own.number("d_model"), own.number("num_layers")
    heads, head_dim = own.number("num_heads"), own.number("d_kv")
    return {
        **_causal(own, width, layers, heads, head_dim=head_dim),
        "kind": "encoder",
        "kv_heads": heads,
        "intermediate": own.number("d_ff"),
        "gated": str(own.config.get("feed_forward_proj", "relu")).startswith("gated"),
        "max_tokens": own.number("n_positions", 512),
        "layer_vectors": 2 * width,
        "vectors": width + own.number("relative_attention_num_buckets", 32) * heads,
        "head": "none",
    }


def _gpt2(settings: _Settings) -> dict[str, Any]:
    own = settings
    width, layers, heads = own.number("n_embd"), own.number("n_layer"), own.number("n_head")
    inner, places = own.number("n_inner", 4 * width), own.number("n_positions", 1024)
    return {
        **_causal(own, width, layers, heads),
        "kv_heads": heads,
        "intermediate": inner,
        "gated": False,
        "max_tokens": places,
        "positions": places,
        "layer_vectors": 4 * width + inner + width + 4 * width,
        "vectors": 2 * width,
        "head": "tied",
    }


def _llama(
    settings: _Settings,
    *,
    qkv_bias: bool = False,
    head_norms: bool = False,
    norms: int = 2,
    default_head_dim: int | None = None,
    tied: bool = False,
) -> dict[str, Any]:
    """Read the families that follow Llama: root mean square norms and a gated feed-forward part."""
    own = settings
    width, layers = own.number("hidden_size"), own.number("num_hidden_layers")
    heads = own.number("num_attention_heads")
    head_dim = own.head_dim(width, heads, default_head_dim)
    found = _causal(own, width, layers, heads, head_dim=head_dim)
    vectors = norms * width + (2 * head_dim if head_norms else 0)
    biased = own.flag("attention_bias", False)
    if qkv_bias or biased:
        vectors += head_dim * (heads + 2 * found["kv_heads"])
    if biased:
        vectors += width
    if own.flag("mlp_bias", False):
        vectors += 2 * own.number("intermediate_size") + width
    two_ways = own.config.get("use_bidirectional_attention") in (True, "all")
    head = "tied" if own.flag("tie_word_embeddings", tied) else "own"
    architectures = own.config.get("architectures") or ()
    generates = any("CausalLM" in str(name) or "Conditional" in str(name) for name in architectures)
    return {
        **found,
        "kind": "encoder" if two_ways else "decoder",
        "layer_vectors": vectors,
        "vectors": width,
        "head": "none" if two_ways or (architectures and not generates) else head,
    }


def _qwen2(settings: _Settings) -> dict[str, Any]:
    return _llama(settings, qkv_bias=True)


def _qwen3(settings: _Settings) -> dict[str, Any]:
    return _llama(settings, head_norms=True, default_head_dim=128)


def _gemma2(settings: _Settings) -> dict[str, Any]:
    found = _llama(settings, norms=4, default_head_dim=256, tied=True)
    return found | _windows(settings, found["layers"], 2, 4096)


def _gemma3(settings: _Settings) -> dict[str, Any]:
    found = _llama(settings, norms=4, head_norms=True, default_head_dim=256, tied=True)
    every = settings.number("sliding_window_pattern", settings.number("_sliding_window_pattern", 6))
    return found | _windows(settings, found["layers"], every, 4096)


def _mistral(settings: _Settings) -> dict[str, Any]:
    found = _llama(settings)
    if settings.config.get("sliding_window") is None:
        return found
    return found | {
        "window": settings.number("sliding_window"),
        "windowed_layers": found["layers"],
    }


def _windows(settings: _Settings, layers: int, every: int, default: int) -> dict[str, int]:
    """Return the window, and the layers that have it: all but each `every`th."""
    types = settings.config.get("layer_types")
    if isinstance(types, list):
        windowed = sum(name == "sliding_attention" for name in types)
    else:
        windowed = layers - layers // every
    return {"window": settings.number("sliding_window", default), "windowed_layers": windowed}


def _causal(
    own: _Settings, width: int, layers: int, heads: int, *, head_dim: int | None = None
) -> dict[str, Any]:
    """Return the fields of a decoder without biases and positions."""
    return {
        "kind": "decoder",
        "layers": layers,
        "width": width,
        "heads": heads,
        "kv_heads": own.number("num_key_value_heads", heads),
        "head_dim": head_dim or own.head_dim(width, heads),
        "intermediate": own.number("intermediate_size", 4 * width),
        "gated": True,
        "vocabulary": own.number("vocab_size"),
        "max_tokens": own.number("max_position_embeddings", 2048),
        "dim": width,
        "embedding_width": width,
    }


_READERS: Mapping[str, Callable[[_Settings], dict[str, Any]]] = {
    **dict.fromkeys(FAMILIES, _bert),
    "modernbert": _modernbert,
    "t5": _t5,
    "gpt2": _gpt2,
    "llama": _llama,
    "mistral": _mistral,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "gemma2": _gemma2,
    "gemma3_text": _gemma3,
}
