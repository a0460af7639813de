"""Tiny random checkpoints of many architectures, made with transformers, each with a tokenizer."""

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
WORDS = ["red", "shoe", "music", "blue", "手", "机", "壳"]
VOCABULARY = 600  # of the model; large enough for a table that int8 quantizes
SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 96,
    "pad_token_id": 0,
}
GROUPED = {**SHAPE, "num_key_value_heads": 2, "head_dim": 8}
# Architecture: class of its settings, and the settings.
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "albert": ("AlbertConfig", {**SHAPE, "embedding_size": 16}),
    "bert": ("BertConfig", SHAPE),
    "camembert": ("CamembertConfig", {**SHAPE, "pad_token_id": 1}),
    "deberta-v2": (
        "DebertaV2Config",
        {
            **SHAPE,
            "relative_attention": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_buckets": 16,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
            "position_biased_input": False,
            "type_vocab_size": 0,
        },
    ),
    "distilbert": (
        "DistilBertConfig",
        {
            "vocab_size": VOCABULARY,
            "dim": 32,
            "hidden_dim": 64,
            "n_layers": 2,
            "n_heads": 4,
            "max_position_embeddings": 96,
        },
    ),
    "electra": ("ElectraConfig", {**SHAPE, "embedding_size": 16}),
    "modernbert": (
        "ModernBertConfig",
        {
            **SHAPE,
            "local_attention": 8,
            "global_attn_every_n_layers": 2,
            "bos_token_id": 2,
            "eos_token_id": 3,
            "cls_token_id": 2,
            "sep_token_id": 3,
        },
    ),
    "mpnet": ("MPNetConfig", {**SHAPE, "pad_token_id": 1}),
    "nomic_bert": ("NomicBertConfig", SHAPE),
    "roberta": ("RobertaConfig", {**SHAPE, "pad_token_id": 1}),
    "t5": (
        "T5Config",
        {
            "vocab_size": VOCABULARY,
            "d_model": 32,
            "d_ff": 64,
            "d_kv": 8,
            "num_layers": 2,
            "num_heads": 4,
            "pad_token_id": 0,
            "eos_token_id": 3,
        },
    ),
    "xlm-roberta": ("XLMRobertaConfig", {**SHAPE, "pad_token_id": 1}),
    "gpt2": (
        "GPT2Config",
        {"vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 96},
    ),
    "llama": ("LlamaConfig", GROUPED),
    "qwen2": ("Qwen2Config", {**SHAPE, "num_key_value_heads": 2}),
    "qwen3": ("Qwen3Config", GROUPED),
    "gemma2": ("Gemma2Config", {**GROUPED, "sliding_window": 8}),
    "gemma3_text": ("Gemma3TextConfig", {**GROUPED, "sliding_window": 8}),
    "embedding-gemma": (
        "Gemma3TextConfig",
        {**GROUPED, "sliding_window": 8, "use_bidirectional_attention": True},
    ),
}
DECODERS = ("gpt2", "llama", "qwen2", "qwen3", "gemma2", "gemma3_text")
# Tokens before and after a text, as the tokenizers of these models add them, others both.
MARKERS = {
    "gpt2": ("", ""),
    "llama": ("[CLS]", ""),
    "qwen2": ("", ""),
    "qwen3": ("", "[SEP]"),
    "gemma2": ("[CLS]", ""),
    "gemma3_text": ("[CLS]", ""),
    "t5": ("", "[SEP]"),
}


def write_tiny_model(folder: Path, architecture: str, *, pooling: str | None = None) -> Path:
    """Write a checkpoint of random weights, larger than usual so that mistakes show."""
    kind, settings = CONFIGS[architecture]
    config = getattr(transformers, kind)(**settings)
    torch.manual_seed(len(architecture))
    model_class = transformers.T5EncoderModel if architecture == "t5" else transformers.AutoModel
    model = (
        model_class(config) if architecture == "t5" else transformers.AutoModel.from_config(config)
    )
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if tensor.ndim == 2:
                tensor.normal_(0, 0.3)
            elif name.endswith("bias"):
                tensor.normal_(0, 0.1)
    model.save_pretrained(folder)
    write_tokenizer(folder / "tokenizer.json", *MARKERS.get(architecture, ("[CLS]", "[SEP]")))
    if pooling is not None:
        write_modules(folder, pooling)
    return folder


def write_tokenizer(path: Path, first: str, last: str) -> None:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    pieces = [*special, *LETTERS, *(f"##{c}" for c in LETTERS), *WORDS]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    markers = [(token, vocabulary[token]) for token in (first, last) if token]
    if markers:
        template = " ".join(filter(None, (first, "$A", last)))
        tokenizer.post_processor = TemplateProcessing(single=template, special_tokens=markers)
    tokenizer.add_special_tokens(special)
    tokenizer.save(str(path))


def write_modules(folder: Path, pooling: str) -> None:
    """Write the files by which sentence-transformers says how to pool."""
    modules = [("Transformer", ""), ("Pooling", "1_Pooling")]
    listed = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    modes = {f"pooling_mode_{pooling}": True}
    (folder / "1_Pooling/config.json").write_text(json.dumps(modes))


def reference(folder: Path, texts: list[str], pooling: str) -> Any:
    """Return the unit vectors of transformers, texts padded on the right."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(64)
    tokenizer.enable_padding(pad_id=0)
    config = json.loads((folder / "config.json").read_text())
    model_class = (
        transformers.T5EncoderModel if config["model_type"] == "t5" else transformers.AutoModel
    )
    model = model_class.from_pretrained(folder).eval()
    encodings = tokenizer.encode_batch(texts)
    pad = config.get("pad_token_id") or 0
    mask = torch.tensor([encoding.attention_mask for encoding in encodings])
    ids = torch.tensor([encoding.ids for encoding in encodings])
    ids = torch.where(mask == 1, ids, pad)
    with torch.no_grad():
        states = model(input_ids=ids, attention_mask=mask).last_hidden_state
    rows = [
        pooled(states[i, : int(mask[i].sum())].double(), pooling) for i in range(len(encodings))
    ]
    return torch.stack([row / row.norm() for row in rows]).float().numpy()


def pooled(states: torch.Tensor, pooling: str) -> torch.Tensor:
    """Pool the states of one text, (tokens, hidden)."""
    tokens = len(states)
    weights = torch.arange(1, tokens + 1, dtype=states.dtype)
    return {
        "cls": lambda: states[0],
        "lasttoken": lambda: states[-1],
        "max": lambda: states.max(dim=0).values,
        "mean": lambda: states.mean(dim=0),
        "mean_sqrt_len": lambda: states.sum(dim=0) / tokens**0.5,
        "weightedmean": lambda: (weights[:, None] * states).sum(dim=0) / weights.sum(),
    }[pooling]()
