"""A decoder of random weights in a GGUF file, small enough to make in a test."""

from pathlib import Path

import numpy as np
import pytest

DIM, INNER, HEADS, LAYERS, CONTEXT = 64, 128, 4, 2, 128
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
WORDS = ["red", "shoe", "music", "blue"]


def write_tiny_gguf(
    path: Path, *, pooling: str | None = None, seed: int = 0, context: int = CONTEXT
) -> Path:
    gguf = pytest.importorskip("gguf")
    pytest.importorskip("xllamacpp")
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(context)
    writer.add_embedding_length(DIM)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(DIM // HEADS)
    if pooling is not None:
        writer.add_pooling_type(getattr(gguf.PoolingType, pooling.upper()))
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces = ["▁", *LETTERS, *(f"▁{word}" for word in WORDS)]
    kinds = [2, 3, 3, *[6] * 256, *[1] * len(pieces)]  # unknown, control, byte, normal
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens + pieces)
    writer.add_token_scores([0.0] * len(tokens) + [float(len(piece)) for piece in pieces])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    rng = np.random.default_rng(seed)

    def add(name: str, *shape: int) -> None:
        values = rng.normal(0, 0.3, shape) if len(shape) > 1 else np.ones(shape)
        writer.add_tensor(name, values.astype(np.float32))

    add("token_embd.weight", len(kinds), DIM)
    add("output.weight", len(kinds), DIM)
    add("output_norm.weight", DIM)
    for layer in range(LAYERS):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{layer}.{part}.weight", DIM, DIM)
        for part in ("ffn_gate", "ffn_up"):
            add(f"blk.{layer}.{part}.weight", INNER, DIM)
        add(f"blk.{layer}.ffn_down.weight", DIM, INNER)
        add(f"blk.{layer}.attn_norm.weight", DIM)
        add(f"blk.{layer}.ffn_norm.weight", DIM)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
