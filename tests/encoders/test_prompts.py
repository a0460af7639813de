"""Prompts of models: where they are read, what they change, and that they stay."""

import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest

import world
from pennyweight.compression.model import LanguageModel
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.prompts import FILE, Prompts, known_prompts, read_prompts
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import find_weights
from pennyweight.errors import DataError
from pennyweight.scorers.content import Content
from pennyweight.training.token_texts import Texts

TEXTS = ["red shoe", "blue music", ""]
PROMPTS = Prompts("red: ", "blue music ")


@pytest.fixture
def model(tiny, tmp_path):
    """Return a function that copies the tiny model under a name, with some prompts file."""

    def make(name: str = "model", config: object = None):
        folder = shutil.copytree(tiny, tmp_path / name)
        if config is not None:
            (folder / FILE).write_text(json.dumps(config))
        return folder

    return make


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"prompts": {"query": "q: ", "passage": "p: "}}, Prompts("q: ", "p: ")),
        ({"prompts": {"query": "q: ", "corpus": "c: ", "document": "d: "}}, Prompts("q: ", "d: ")),
        (
            {"prompts": {"query": "q: ", "sts": "s: "}, "default_prompt_name": "sts"},
            Prompts("q: ", "s: "),
        ),
        ({"prompts": {"Clustering": "c: "}, "default_prompt_name": None}, Prompts()),
        ({"prompts": {"query": "", "document": ""}}, Prompts()),
        ({"prompts": {}}, Prompts()),
        ({}, Prompts()),
        (None, Prompts()),
    ],
)
def test_prompts_are_read_as_sentence_transformers_reads_them(model, config, expected):
    assert find_weights(model(config=config)).prompts == expected


@pytest.mark.parametrize("bad", [{"prompts": {"query": 3}}, {"prompts": ["query: "]}])
def test_a_damaged_prompts_file_is_refused_by_name(model, bad):
    with pytest.raises(DataError, match=f"{FILE}.*mapping"):
        find_weights(model(config=bad))


@pytest.mark.parametrize(
    ("name", "query", "document"),
    [
        ("intfloat/multilingual-e5-small", "query: ", "passage: "),
        ("e5-large-v2", "query: ", "passage: "),
        ("BAAI/bge-small-en-v1.5", "Represent this sentence for searching relevant passages: ", ""),
        ("nomic-embed-text:v1.5", "search_query: ", "search_document: "),
        ("BAAI/bge-m3", "", ""),
        ("all-MiniLM-L6-v2", "", ""),
    ],
)
def test_well_known_models_have_the_prompts_of_their_cards(name, query, document):
    assert known_prompts(name) == Prompts(query, document)


def test_the_name_counts_only_where_the_file_has_no_prompts(model):
    empty = {"prompts": {"query": "", "document": ""}, "default_prompt_name": None}
    assert find_weights(model("e5-small-v2")).prompts == Prompts("query: ", "passage: ")
    assert find_weights(model("e5-small", empty)).prompts == Prompts("query: ", "passage: ")
    own = {"prompts": {"query": "find: "}}
    assert find_weights(model("e5-base", own)).prompts == Prompts("find: ", "")
    assert read_prompts(Prompts().to_config(), "e5-small-v2") == Prompts()  # set to none


def test_a_model_that_pools_without_its_prompt_is_refused(model):
    folder = model(config={"prompts": {"query": "q: "}})
    path = folder / "1_Pooling/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"include_prompt": False}))
    with pytest.raises(DataError, match="include_prompt"):
        find_weights(folder)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_queries_and_documents_are_encoded_with_their_prompts(tiny, precision):
    plain = TransformerEncoder.from_pretrained(tiny, threads=1, precision=precision)
    prompted = plain.with_prompts(PROMPTS)
    for encode, prompt in (
        (prompted.encode, PROMPTS.document),
        (prompted.encode_queries, PROMPTS.query),
    ):
        expected = plain.encode([prompt + text for text in TEXTS[:2]])
        vectors = encode(TEXTS)
        np.testing.assert_allclose(vectors[:2], expected, atol=1e-5)
        assert not vectors[2].any()  # an empty text is not its prompt
    np.testing.assert_array_equal(plain.encode_queries(TEXTS), plain.encode(TEXTS))


def test_prompts_are_part_of_the_fingerprint(tiny):
    encoder = TransformerEncoder.from_pretrained(tiny, threads=1)
    others = [Prompts("a"), Prompts("", "a"), Prompts("a", "a"), Prompts("b", "a")]
    fingerprints = {encoder.with_prompts(p).fingerprint for p in others} | {encoder.fingerprint}
    assert len(fingerprints) == 5
    assert encoder.with_prompts(Prompts()).fingerprint == encoder.fingerprint


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("prompts", [PROMPTS, Prompts()])
def test_a_saved_encoder_keeps_its_prompts(model, tmp_path, precision, prompts):
    folder = model("e5-small-v2")
    encoder = TransformerEncoder.from_pretrained(folder, threads=1, precision=precision)
    encoder = encoder.with_prompts(prompts)
    encoder.save(tmp_path / "saved")
    loaded = TransformerEncoder.load(tmp_path / "saved")
    assert (loaded.prompts, loaded.fingerprint) == (prompts, encoder.fingerprint)
    np.testing.assert_allclose(
        loaded.encode_queries(TEXTS), encoder.encode_queries(TEXTS), atol=2e-3
    )


def test_an_encoder_saved_before_there_were_prompts_has_none(model, tmp_path):
    encoder = TransformerEncoder.from_pretrained(model("e5-small-v2"), threads=1)
    encoder.save(tmp_path / "saved")
    path = tmp_path / "saved/transformer.json"
    settings = json.loads(path.read_text())
    assert settings.pop("prompts") == asdict(encoder.prompts)
    path.write_text(json.dumps(settings))
    assert TransformerEncoder.load(tmp_path / "saved").prompts == Prompts()


def test_smaller_versions_of_a_model_keep_its_prompts(model, tmp_path):
    encoder = TransformerEncoder.from_pretrained(model("e5-small-v2"), threads=1)
    for i, prompts in enumerate((PROMPTS, Prompts(), encoder.prompts)):
        weights = encoder.with_prompts(prompts).weights
        written = LanguageModel.of(weights).write(tmp_path / f"cut-{i}")
        assert written.prompts == prompts
        assert find_weights(tmp_path / f"cut-{i}").prompts == prompts


def test_a_model_learns_on_texts_with_their_prompt(tiny):
    encoder = TransformerEncoder.from_pretrained(tiny, threads=1)
    plain = Texts(encoder.weights, ["blue music red shoe", ""], max_tokens=16)
    prompted = Texts(encoder.with_prompts(PROMPTS).weights, ["red shoe", ""], max_tokens=16)
    np.testing.assert_array_equal(prompted.ids[0], plain.ids[0])
    assert prompted.of_item.tolist() == [0, -1]


def test_searches_use_the_prompt_of_queries(tiny):
    encoder = TransformerEncoder.from_pretrained(tiny, threads=1).with_prompts(PROMPTS)
    items = ["red shoe", "blue music", "blue shoe"]
    for kind in (encoder, ProjectedEncoder.of_vectors(encoder, encoder.encode(items), dim=3)):
        scorer = Content(kind).fit(world.events([], 3), world.catalog(items))
        expected = np.maximum(kind.encode_queries(["red"]) @ kind.encode(items).T, 0)
        np.testing.assert_allclose(scorer.score_texts(["red"]), expected, atol=1e-5)
        assert not np.allclose(kind.encode_queries(["red"]), kind.encode(["red"]), atol=1e-3)
        without = kind.with_prompts(Prompts())
        np.testing.assert_array_equal(without.encode_queries(["red"]), without.encode(["red"]))
