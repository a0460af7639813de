"""Checkpoints of random weights of every family, written by transformers, and its vectors."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from tiny_bert import write_tiny_bert

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

MODELS = {
    "bert": "BertModel",
    "roberta": "RobertaModel",
    "xlm-roberta": "XLMRobertaModel",
    "camembert": "CamembertModel",
    "electra": "ElectraModel",
    "distilbert": "DistilBertModel",
    "albert": "AlbertModel",
    "mpnet": "MPNetModel",
}
SIZES = {
    "hidden_size": 32,
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "intermediate_size": 64,
    "max_position_embeddings": 150,
}
DISTILBERT_SIZES = {
    "dim": 32,
    "n_heads": 4,
    "n_layers": 3,
    "hidden_dim": 64,
    "max_position_embeddings": 150,
}


def write_tiny(folder: Path, kind: str, *, pooling: str = "mean", **settings: object) -> Path:
    """Write a model of a family with the tokenizer of the tiny BERT."""
    like = "bert" if kind in ("bert", "electra", "distilbert", "albert") else "roberta"
    write_tiny_bert(folder, kind=like, pooling=pooling)
    sizes = DISTILBERT_SIZES if kind == "distilbert" else SIZES
    if kind in ("electra", "albert"):
        sizes = {**sizes, "embedding_size": 16}
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    size, padding = tokenizer.get_vocab_size(), tokenizer.token_to_id("[PAD]")
    model_class = getattr(transformers, MODELS[kind])
    config = model_class.config_class(
        **{**sizes, "vocab_size": size, "pad_token_id": padding, **settings}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = model_class(config)
        randomize(model)
        model.save_pretrained(folder)
    return folder


def randomize(model) -> None:
    """Give each tensor numbers large enough that all of them count."""
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in sorted(model.named_parameters()):
            gain = tensor.ndim == 1 and "norm" in name.lower() and name.endswith("weight")
            tensor.normal_(1.0 if gain else 0.0, 0.1 if tensor.ndim == 1 else 0.3, generator=random)


def states(folder: Path, ids: Sequence[Sequence[int]]) -> list[np.ndarray]:
    """Return the states that transformers gives to the tokens of each text, (tokens, hidden)."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        model = transformers.AutoModel.from_pretrained(folder).eval()
        rows = [model(input_ids=torch.tensor([list(row)])).last_hidden_state[0] for row in ids]
    return [row.numpy() for row in rows]


def pool(rows: np.ndarray, pooling: str) -> np.ndarray:
    """Pool states as sentence-transformers does."""
    position = np.arange(1, len(rows) + 1)[:, None]
    return {
        "mean": rows.mean(0),
        "cls": rows[0],
        "max": rows.max(0),
        "mean_sqrt_len": rows.sum(0) / len(rows) ** 0.5,
        "weightedmean": (rows * position).sum(0) / position.sum(),
        "lasttoken": rows[-1],
    }[pooling]


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)
