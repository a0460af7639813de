import json
from dataclasses import replace

import pytest

from pennyweight.errors import DataError
from pennyweight.planning.encoder_shape import (
    WEIGHT_BYTES,
    EncoderShape,
    published_shapes,
    shape,
)

BERT = {
    "model_type": "bert",
    "vocab_size": 100,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 32,
    "type_vocab_size": 2,
}
LLAMA = {
    "model_type": "llama",
    "vocab_size": 100,
    "hidden_size": 8,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 64,
}
WINDOWED = {**LLAMA, "model_type": "mistral", "sliding_window": 3}


@pytest.mark.parametrize("name", published_shapes())
def test_parameters_by_formula_are_the_published_ones(name):
    published = published_shapes()[name]
    assert published.shape.parameters == pytest.approx(published.parameters, rel=0.01)
    if published.embedding_parameters is not None:
        assert published.shape.embedding_parameters == published.embedding_parameters
    assert published.source.startswith("https://")
    assert published.counted.startswith("https://")


def test_parameters_of_bert_by_hand():
    made = EncoderShape.from_config(BERT)
    layer = 4 * (8 * 8 + 8) + (8 * 16 + 16) + (16 * 8 + 8) + 2 * (8 + 8)
    embeddings = (100 + 32 + 2) * 8 + (8 + 8)
    assert made.parameters == 2 * layer + embeddings + (8 * 8 + 8)
    assert (made.embedding_parameters, made.position_parameters) == (800, 272)
    assert (made.dim, made.max_tokens, made.kind, made.head) == (8, 32, "encoder", "none")


def test_operations_of_bert_by_hand():
    made = EncoderShape.from_config(BERT)
    matrices = 4 * 8 * 8 + 2 * 8 * 16  # of a layer
    attention = 2 * (5 * 5 * 8)  # multiply-adds: queries with keys, weights with values
    assert made.operations(5) == 2 * 2 * (matrices * 5 + attention)
    assert made.operations(0) == 0


def test_the_attention_of_a_long_text_is_quadratic():
    one, two = (shape("bge-base-en-v1.5").operations(tokens) for tokens in (256, 512))
    # 85 million parameters in the layers: 2 * 85e6 operations a token, and the attention.
    assert one == pytest.approx(2 * 84.93e6 * 256 + 4 * 12 * 768 * 256**2, rel=1e-3)
    assert two - 2 * one == pytest.approx(4 * 12 * 768 * 2 * 256**2, rel=1e-9)


def test_a_decoder_attends_to_the_tokens_before():
    made = EncoderShape.from_config(LLAMA)
    matrices = 4 * (2 * 8 * 8 + 2 * 8 * 4 + 3 * 8 * 16)
    pairs = 4 * (1 + 2 + 3 + 4 + 5)
    assert made.operations(5) == 2 * matrices * 5 + 4 * pairs * 8
    # One more token costs what generating it costs, but for the scores of the vocabulary.
    more = made.operations(6) - made.operations(5)
    assert made.next_token_operations(5) == more + 2 * 100 * 8


def test_a_window_bounds_the_attention_and_the_cache():
    made = EncoderShape.from_config(WINDOWED)
    free = EncoderShape.from_config(WINDOWED | {"sliding_window": None})
    assert made.operations(3) == free.operations(3)
    assert free.operations(5) - made.operations(5) == 4 * 4 * (1 + 2) * 8
    assert made.next_token_operations(5) == free.next_token_operations(2)
    assert free.kv_bytes_per_token == 4 * 2 * 2 * 2 * 2  # layers, keys and values, heads, width
    assert free.kv_bytes(5) == 5 * free.kv_bytes_per_token
    assert made.kv_bytes(5) == 3 * made.kv_bytes_per_token


def test_half_of_a_local_window_is_on_each_side():
    made = shape("ModernBERT-base")
    assert (made.window, made.windowed_layers, made.layers) == (128, 14, 22)
    pairs = 8 * 200 * 200 + 14 * 200 * 128
    assert made.operations(200) == 2 * made.layers * made.layer_parameters * 200 + 4 * pairs * 768


def test_the_key_cache_of_llama_8b():
    assert shape("Llama-3.1-8B").kv_bytes_per_token == 131_072  # 32 * 2 * 8 * 128 * 2


def test_bytes_of_weights():
    made = EncoderShape.from_config(BERT)
    assert made.weight_bytes("fp32") == 4 * made.parameters
    assert made.weight_bytes("bf16") == 2 * made.parameters
    matrices = 2 * (4 * 64 + 2 * 128) + 64
    small = made.parameters - matrices - 800  # biases, norms and positions stay in 32 bits
    assert made.weight_bytes("int8") == matrices + 800 + 4 * small
    assert made.weight_bytes("int8", "fp32") == matrices + 3200 + 4 * small
    assert made.weight_bytes("q4_0") == round((matrices + 800) * 18 / 32) + 4 * small


def test_a_smaller_format_is_never_larger():
    sizes = [shape("e5-base-v2").weight_bytes(dtype) for dtype in WEIGHT_BYTES]
    by_width = sorted(WEIGHT_BYTES, key=WEIGHT_BYTES.__getitem__)
    ordered = [sizes[list(WEIGHT_BYTES).index(dtype)] for dtype in by_width]
    assert ordered == sorted(ordered)


def test_a_layer_removed_saves_its_parameters():
    made = shape("all-MiniLM-L6-v2")
    pruned = replace(made, layers=3, stored_layers=None)
    assert made.parameters - pruned.parameters == 3 * (made.layer_parameters + made.layer_vectors)


def test_dense_layers_after_the_pooling_give_the_width_of_vectors():
    made = EncoderShape.from_config(BERT, dense=(32, 4))
    plain = EncoderShape.from_config(BERT)
    assert made.dim == 4
    assert made.parameters - plain.parameters == 8 * 32 + 32 * 4
    assert made.operations(7) - plain.operations(7) == 2 * (8 * 32 + 32 * 4)  # once a text


def test_names_of_the_table_may_have_a_publisher():
    assert shape("sentence-transformers/All-MiniLM-L6-V2") is shape("all-MiniLM-L6-v2")
    with pytest.raises(DataError, match=r"did you mean 'bge-small-en-v1.5'.*Give the config.json"):
        shape("bge-small-v1.5")


def test_the_text_part_of_a_gemma_with_vision_is_read():
    text = {**LLAMA, "model_type": "gemma3_text", "sliding_window": 4, "head_dim": 2}
    both = {"model_type": "gemma3", "text_config": text, "vision_config": {}}
    assert EncoderShape.from_config(both) == EncoderShape.from_config(text)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"model_type": "mamba"}, r"model_type 'mamba' is not supported; supported are bert, "),
        ({"model_type": None}, r"model_type None is not supported"),
        ({"hidden_size": None}, r"key 'hidden_size' is missing"),
        ({"num_hidden_layers": 0}, r"num_hidden_layers = 0: must be a whole number from 1 up"),
        ({"vocab_size": "many"}, r"vocab_size = 'many': must be a whole number"),
        ({"intermediate_size": True}, r"intermediate_size = True: must be a whole number"),
        ({"num_attention_heads": 3}, r"a width of 8 does not divide by 3 heads"),
    ],
)
def test_a_config_that_is_none_is_refused(change, message):
    with pytest.raises(DataError, match=rf"^my/config\.json: {message}"):
        EncoderShape.from_config(BERT | change, source="my/config.json")


def test_absurd_arguments_are_refused():
    with pytest.raises(ValueError, match=r"format of weights 'fp23'; did you mean 'fp32'"):
        shape("bge-m3").weight_bytes("fp23")
    with pytest.raises(ValueError, match="-1 tokens"):
        shape("bge-m3").operations(-1)


def test_a_config_read_from_json_is_a_config(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA | {"architectures": ["LlamaForCausalLM"]}))
    made = EncoderShape.from_config(json.loads(path.read_text()), "small")
    assert (made.name, made.head) == ("small", "own")
    assert made.head_parameters == 800
