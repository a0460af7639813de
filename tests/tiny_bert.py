"""A BERT of random weights with a vocabulary of letters, small enough to make in a test."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing

HIDDEN, INNER, HEADS, LAYERS, POSITIONS = 32, 64, 4, 2, 64
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
WORDS = ["red", "shoe", "music", "blue", "手", "机", "壳"]


def write_tiny_bert(
    folder: Path,
    *,
    kind: str = "bert",
    pooling: str = "mean",
    activation: str = "gelu",
    seed: int = 0,
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    if kind != "bert":
        special[:2] = ["[UNK]", "[PAD]"]  # RoBERTa's padding is token 1
    pieces = [*special, *LETTERS, *(f"##{c}" for c in LETTERS), *WORDS]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = BertProcessing(
        ("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"])
    )
    tokenizer.add_special_tokens(special)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "model_type": kind,
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "max_position_embeddings": POSITIONS,
        "type_vocab_size": 2,
        "vocab_size": len(vocabulary),
        "hidden_act": activation,
        "layer_norm_eps": 1e-12,
        "pad_token_id": vocabulary["[PAD]"],
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    modes = {f"pooling_mode_{m}": m.startswith(pooling) for m in ("cls_token", "mean_tokens")}
    (folder / "1_Pooling/config.json").write_text(json.dumps(modes))
    save_file(_tensors(len(vocabulary), seed), folder / "model.safetensors")
    return folder


def _tensors(size: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {
        "embeddings.word_embeddings": (size, HIDDEN),
        "embeddings.position_embeddings": (POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings": (2, HIDDEN),
    }
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            shapes[f"{name}.attention.self.{part}"] = (HIDDEN, HIDDEN)
        shapes[f"{name}.attention.output.dense"] = (HIDDEN, HIDDEN)
        shapes[f"{name}.intermediate.dense"] = (INNER, HIDDEN)
        shapes[f"{name}.output.dense"] = (HIDDEN, INNER)
    tensors = {}
    for name, shape in shapes.items():
        tensors[f"{name}.weight"] = rng.normal(0, 0.3, shape).astype(np.float32)
        if "embeddings" not in name:
            tensors[f"{name}.bias"] = rng.normal(0, 0.1, shape[0]).astype(np.float32)
    norms = [n.removesuffix(".dense.weight") for n in tensors if n.endswith("output.dense.weight")]
    for name in ["embeddings", *norms]:
        tensors[f"{name}.LayerNorm.weight"] = rng.normal(1, 0.1, HIDDEN).astype(np.float32)
        tensors[f"{name}.LayerNorm.bias"] = rng.normal(0, 0.1, HIDDEN).astype(np.float32)
    return tensors


def pruned_tensors(
    tensors: dict[str, np.ndarray], heads: list[list[int]], neurons: list[list[int]]
) -> dict[str, np.ndarray]:
    """Keep some heads and neurons of each layer, a list a layer."""
    size = HIDDEN // HEADS
    out = dict(tensors)
    for layer, (kept_heads, kept) in enumerate(zip(heads, neurons, strict=True)):
        name = f"encoder.layer.{layer}"
        rows = [head * size + i for head in kept_heads for i in range(size)]
        cut = {f"attention.self.{part}": rows for part in ("query", "key", "value")}
        for part, chosen in (cut | {"intermediate.dense": kept}).items():
            for kind in ("weight", "bias"):
                out[f"{name}.{part}.{kind}"] = tensors[f"{name}.{part}.{kind}"][chosen]
        for part, chosen in (("attention.output.dense", rows), ("output.dense", kept)):
            out[f"{name}.{part}.weight"] = tensors[f"{name}.{part}.weight"][:, chosen]
    return out
