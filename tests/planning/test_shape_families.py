"""The parameters of each family's models, counted by their reference implementation."""

import pytest

from pennyweight.planning.encoder_shape import EncoderShape

BERT = {
    "vocab_size": 96,
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 40,
    "max_position_embeddings": 34,
}
DECODER = {**BERT, "num_key_value_heads": 2, "pad_token_id": 0, "bos_token_id": 1}
FAMILIES = {
    "bert": BERT,
    "roberta": {**BERT, "type_vocab_size": 1},
    "xlm-roberta": {**BERT, "type_vocab_size": 1},
    "camembert": {**BERT, "type_vocab_size": 1},
    "electra": {**BERT, "embedding_size": 16},
    "albert": {**BERT, "embedding_size": 16},
    "distilbert": {
        "vocab_size": 96,
        "dim": 24,
        "n_layers": 3,
        "n_heads": 4,
        "hidden_dim": 40,
        "max_position_embeddings": 34,
    },
    "mpnet": BERT,
    "modernbert": {**BERT, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    | {"cls_token_id": 1, "sep_token_id": 2},
    "t5": {"vocab_size": 96, "d_model": 24, "num_layers": 3, "num_heads": 4, "d_kv": 8, "d_ff": 40},
    "gpt2": {"vocab_size": 96, "n_embd": 24, "n_layer": 3, "n_head": 4, "n_positions": 34},
    "llama": DECODER,
    "mistral": DECODER,
    "qwen2": DECODER,
    "qwen3": {**DECODER, "head_dim": 8},
    "gemma2": {**DECODER, "head_dim": 8},
    "gemma3_text": {**DECODER, "head_dim": 8},
}
DECODERS = ("gpt2", "llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text")


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_parameters_are_those_of_the_reference_implementation(family):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    config = transformers.CONFIG_MAPPING[family](**FAMILIES[family])
    if family in DECODERS:
        build = transformers.AutoModelForCausalLM.from_config
    elif family == "t5":
        build = transformers.T5EncoderModel
    else:
        build = transformers.AutoModel.from_config
    with torch.device("meta"):
        model = build(config)
    made = EncoderShape.from_config(config.to_dict())
    assert made.parameters == sum(part.numel() for part in model.parameters())
    assert made.kind == ("decoder" if family in DECODERS else "encoder")
