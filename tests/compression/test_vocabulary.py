import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from short_texts import TEXTS

from pennyweight.compression.model import LanguageModel
from pennyweight.compression.vocabulary import cut_vocabulary, fragmentation
from pennyweight.encoders.tokens import load_tokenizer
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import find_weights
from pennyweight.errors import DataError
from tiny_bert import LETTERS, write_tiny_bert

NEEDED = ["red shoe a1", "blue 手"]


@pytest.fixture(scope="module")
def cut(model):
    return cut_vocabulary(model, NEEDED, frequent=0)


def test_only_the_needed_tokens_remain(model, cut):
    vocabulary = json.loads(cut.tokenizer_json)["model"]["vocab"]
    assert "music" not in vocabulary
    assert {"red", "shoe", "blue", "[MASK]", "z", "##z"} <= set(vocabulary)
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
    assert cut.config["vocab_size"] == len(vocabulary) == len(cut.checkpoint.words)
    assert cut.nbytes == model.nbytes - 4 * 32 * (len(model.checkpoint.words) - len(vocabulary))
    assert (
        "music"
        in json.loads(cut_vocabulary(model, [], frequent=9).tokenizer_json)["model"]["vocab"]
    )


@pytest.mark.parametrize("kind", ["bert", "roberta"])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_texts_that_keep_their_tokens_keep_their_vectors(tmp_path, kind, precision):
    model = LanguageModel.of(find_weights(write_tiny_bert(tmp_path / "whole", kind=kind)))
    cut = cut_vocabulary(model, NEEDED, frequent=0)
    folders = [m.write(tmp_path / name).folder for m, name in ((model, "a"), (cut, "b"))]
    texts = [*NEEDED, "shoe blue", "xyz 123", "手 red"]
    a, b = (
        TransformerEncoder.from_pretrained(f, threads=1, precision=precision).encode(texts)
        for f in folders
    )
    np.testing.assert_array_equal(a, b)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(LETTERS + " ", max_size=12), max_size=5))
def test_no_word_of_known_letters_becomes_unknown(cut, texts):
    tokenizer = load_tokenizer(cut.tokenizer_json, max_tokens=10_000)
    for text in [*texts, "music"]:
        assert "[UNK]" not in tokenizer.encode(text, add_special_tokens=False).tokens


def test_a_character_without_a_single_form_keeps_its_tokens(model):
    tokenizer = json.loads(model.tokenizer_json)
    tokenizer["model"]["vocab"] |= {"aé": 84, "ab": 85, "##é9": 86}
    words = model.tensors["embeddings.word_embeddings.weight"]
    tensors = {**model.tensors, "embeddings.word_embeddings.weight": np.vstack([words, words[:3]])}
    config = {**model.config, "vocab_size": 87}
    more = replace(model, config=config, tensors=tensors, tokenizer_json=json.dumps(tokenizer))
    vocabulary = json.loads(cut_vocabulary(more, [], frequent=0).tokenizer_json)["model"]["vocab"]
    assert {"aé", "##é9"} <= set(vocabulary)
    assert "ab" not in vocabulary


def test_fragmentation_counts_pieces_and_unknown_words(model, cut):
    before = fragmentation(model, ["red music", "blue ñandú"])
    after = fragmentation(cut, ["red music", "blue λ"])
    assert (before.words, after.words) == (4, 4)
    assert after.unknown == 0.25  # a Greek letter was never known
    assert after.pieces_per_word == (1 + 5 + 1 + 1) / 4
    with pytest.raises(DataError, match="none has a word"):
        fragmentation(model, [""])


def test_other_markers_move_with_their_tokens(model):
    tokenizer = json.loads(model.tokenizer_json)
    tokenizer["padding"] = {
        "strategy": "BatchLongest",
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    }
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "shoe", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"shoe": {"id": "shoe", "ids": [78], "tokens": ["shoe"]}},
    }
    changed = replace(model, tokenizer_json=json.dumps(tokenizer))
    cut = cut_vocabulary(changed, ["blue"], frequent=0)
    tokens = load_tokenizer(cut.tokenizer_json, max_tokens=9).encode("blue").tokens
    assert tokens == ["shoe", "blue"]


def test_other_tokenizers_are_refused(model):
    tokenizer = json.loads(model.tokenizer_json)
    for changes, message in (
        ({"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}, "'WordLevel'; the vocabulary"),
        (
            {"type": "BPE", "vocab": {"a": 0}, "merges": [], "end_of_word_suffix": "</w>"},
            "BPE with end_of_word_suffix '</w>'",
        ),
    ):
        other = replace(model, tokenizer_json=json.dumps({**tokenizer, "model": changes}))
        with pytest.raises(DataError, match=message):
            cut_vocabulary(other, TEXTS)
    with pytest.raises(DataError, match="frequent -1"):
        cut_vocabulary(model, TEXTS, frequent=-1)
