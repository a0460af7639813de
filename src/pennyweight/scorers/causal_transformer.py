"""A history read by a trained causal transformer, in plain numpy."""

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.interactions import Histories
from pennyweight.scorers.two_tower_training import unit

__all__ = ["encode_histories"]

Float = NDArray[np.float32]
Weights = dict[str, Float]


def encode_histories(weights: Weights, histories: Histories) -> Float:
    """Return a unit vector a history, none of them empty, float32 (n, dim).

    Histories are no longer than those trained on and stand with their newest events side by side;
    the last layer is worked out for the newest event alone.
    """
    width = int(histories.length.max(initial=0))
    items = weights["items"]
    x = np.zeros((len(histories), width, items.shape[1]), np.float32)
    present = np.zeros((len(histories), width), bool)
    at = width - 1 - histories.lag
    x[histories.row, at], present[histories.row, at] = items[histories.item], True
    place, layers = np.arange(width), sum(name.endswith(".lag") for name in weights)
    for layer in range(layers):
        part = {k.split(".")[1]: v for k, v in weights.items() if k.startswith(f"{layer}.")}
        asks = slice(width - 1, None) if layer == layers - 1 else slice(None)
        lag = place[asks, None] - place
        bias = part["lag"][:, np.maximum(lag, 0)] + np.where(lag < 0, np.float32(-1e9), 0)
        bias = bias + np.where(present, 0, np.float32(-1e9))[:, None, None]
        x = x[:, asks] + _attend(_norm(x, part, "attend"), asks, bias, part)
        hidden = np.maximum(_norm(x, part, "think") @ part["up"] + part["up_bias"], 0)
        x = x + hidden @ part["down"] + part["down_bias"]
    return unit(x[:, -1])[0]


def _attend(y: Float, asks: slice, bias: Float, part: Weights) -> Float:
    """Return the attention output of each querying event over those before it, (n, asking, dim)."""
    heads = len(part["lag"])

    def split(rows: Float) -> Float:
        return rows.reshape(*rows.shape[:2], heads, -1).transpose(0, 2, 1, 3)

    query, key, value = (
        split(rows @ part[name]) for rows, name in ((y[:, asks], "query"), (y, "key"), (y, "value"))
    )
    odds = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(query.shape[-1])) + bias
    odds = np.exp(odds - odds.max(axis=-1, keepdims=True))
    attended = (odds / odds.sum(axis=-1, keepdims=True)) @ value
    return np.asarray(attended.transpose(0, 2, 1, 3).reshape(len(y), -1, y.shape[2]) @ part["out"])


def _norm(x: Float, part: Weights, name: str) -> Float:
    """Return the layer norm (Ba, Kiros & Hinton 2016) with a learned gain."""
    centered = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centered**2).mean(axis=-1, keepdims=True) + np.float32(1e-5))
    return np.asarray(centered / spread * part[name], np.float32)
