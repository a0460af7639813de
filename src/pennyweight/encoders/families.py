"""Families of encoder models: how each one names its settings and tensors.

The rest of the package reads one layout, that of BERT. It holds three things besides:

- ``embeddings_project`` maps token states to the width of the layers where the two differ
  (ALBERT, Lan et al. 2020; ELECTRA, Clark et al. 2020);
- ``encoder.relative_attention_bias`` adds a number to the attention from one token to another
  by their distance (MPNet, Song et al. 2020), and ``attention.self.relative_attention_bias``
  of a layer does so where its heads are no longer those of the others;
- ``shared_layers`` in the settings names the stored layer of each layer (ALBERT).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pennyweight.errors import DataError

__all__ = ["FAMILIES", "SHARED_LAYERS", "Family", "family_of"]

SHARED_LAYERS = "shared_layers"
LAYERS = "encoder.layer.{}."


@dataclass(frozen=True)
class Family:
    """A family of models, as far as it differs from BERT.

    Attributes
    ----------
    settings
        BERT's key of ``config.json`` -> the family's.
    layers
        Start of the names of a layer's tensors.
    layer_names, names
        Parts of a layer and of the whole model: the family's name -> BERT's.
    segments
        Whether tokens have an embedding of their segment.
    first_position
        Of the first token: a number, or None for the number after the padding's id.
    relative
        Whether attention is biased by distance.
    shares_layers
        Whether layers may share their tensors.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    layers: str = LAYERS
    layer_names: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    segments: bool = True
    first_position: int | None = 0
    relative: bool = False
    shares_layers: bool = False

    def standard_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings under BERT's keys.

        Raises
        ------
        DataError
            Layers are shared in a way that is not supported.
        """
        out = {key: value for key, value in config.items() if key not in self.settings.values()}
        out |= {key: config[own] for key, own in self.settings.items() if own in config}
        if self.shares_layers and SHARED_LAYERS not in out:
            out[SHARED_LAYERS] = _shared_layers(out)
        return out

    def own_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings under the family's keys."""
        return {self.settings.get(key, key): value for key, value in config.items()}

    def standard_name(self, name: str) -> str:
        """Return BERT's name of a tensor; the prefix of a training head stays."""
        return _renamed(name, (self.layers, LAYERS), self.layer_names, self.names)

    def own_name(self, name: str) -> str:
        """Return the family's name of a tensor."""
        layer_names, names = (
            {bert: own for own, bert in pairs.items()} for pairs in (self.layer_names, self.names)
        )
        return _renamed(name, (LAYERS, self.layers), layer_names, names)


def _renamed(
    name: str, layers: tuple[str, str], layer_names: Mapping[str, str], names: Mapping[str, str]
) -> str:
    old, new = layers
    pattern = re.escape(old).replace(r"\{\}", r"(\d+)")
    match = re.search(rf"(?:^|(?<=\.)){pattern}", name)
    if match is None:
        return _replaced(name, names, r"(?:^|(?<=\.))")
    start = name[: match.start()] + new.format(match[1])
    return start + _replaced(name[match.end() :], layer_names, "^")


def _replaced(name: str, parts: Mapping[str, str], before: str) -> str:
    for part, replacement in parts.items():
        renamed, count = re.subn(rf"{before}{re.escape(part)}(?=\.)", replacement, name, count=1)
        if count:
            return renamed
    return name


def _shared_layers(config: Mapping[str, Any]) -> list[int]:
    keys = ("num_hidden_layers", "num_hidden_groups", "inner_group_num")
    layers, groups, inner = (config.get(key, 1) for key in keys)
    fits = isinstance(layers, int) and isinstance(groups, int) and 1 <= groups <= layers
    if not fits or inner != 1:
        raise DataError(
            f"config.json: {layers} layers in {groups} groups of {inner}; supported are groups of "
            "one layer each, no more of them than layers"
        )
    return [int(layer / (layers / groups)) for layer in range(layers)]


_ROBERTA = Family(first_position=None)
FAMILIES: Mapping[str, Family] = {
    "bert": Family(),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "electra": Family(),
    "distilbert": Family(
        settings={
            "hidden_size": "dim",
            "num_attention_heads": "n_heads",
            "num_hidden_layers": "n_layers",
            "intermediate_size": "hidden_dim",
            "hidden_act": "activation",
        },
        layers="transformer.layer.{}.",
        layer_names={
            "attention.q_lin": "attention.self.query",
            "attention.k_lin": "attention.self.key",
            "attention.v_lin": "attention.self.value",
            "attention.out_lin": "attention.output.dense",
            "sa_layer_norm": "attention.output.LayerNorm",
            "ffn.lin1": "intermediate.dense",
            "ffn.lin2": "output.dense",
            "output_layer_norm": "output.LayerNorm",
        },
        segments=False,
    ),
    "albert": Family(
        layers="encoder.albert_layer_groups.{}.albert_layers.0.",
        layer_names={
            "attention.query": "attention.self.query",
            "attention.key": "attention.self.key",
            "attention.value": "attention.self.value",
            "attention.dense": "attention.output.dense",
            "attention.LayerNorm": "attention.output.LayerNorm",
            "ffn": "intermediate.dense",
            "ffn_output": "output.dense",
            "full_layer_layer_norm": "output.LayerNorm",
        },
        names={"encoder.embedding_hidden_mapping_in": "embeddings_project"},
        shares_layers=True,
    ),
    "mpnet": Family(
        layer_names={
            "attention.attn.q": "attention.self.query",
            "attention.attn.k": "attention.self.key",
            "attention.attn.v": "attention.self.value",
            "attention.attn.o": "attention.output.dense",
            "attention.LayerNorm": "attention.output.LayerNorm",
        },
        segments=False,
        first_position=2,  # whatever the id of the padding
        relative=True,
    ),
}
"""By the ``model_type`` of ``config.json``."""


def family_of(config: Mapping[str, Any]) -> Family:
    """Return the family of a model.

    Raises
    ------
    DataError
        There is none of its ``model_type``.
    """
    kind = config.get("model_type")
    family = FAMILIES.get(kind) if isinstance(kind, str) else None
    if family is None:
        raise DataError(
            f"model_type {kind!r}; supported are {', '.join(FAMILIES)}; a model of another family "
            "can be exported once with `pennyweight encoder add`"
        )
    return family
