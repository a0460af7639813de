"""What every encoder promises, over every encoder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import extension_blocks
from pennyweight.encoders.exported import ExportedEncoder
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.protocol import Encoder
from pennyweight.encoders.static import distil
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import find_weights
from pennyweight.encoders.word2vec import Word2VecEncoder
from pennyweight.errors import DataError
from pennyweight.training.encoder_export import export_encoder
from tiny_bert import write_tiny_bert
from tiny_models import write_tiny_model

CATALOG = [
    "red shoe for running",
    "blue shoe for running",
    "red music box",
    "blue music for running",
    "手机壳 red",
    "手机壳 blue music",
    "a a a 0 1 2",
    "",
]
TEXTS = [
    *CATALOG,
    "ÉLAN naïve café",
    "shoe 🎉🎉 red",
    "手机壳手机",
    "red\x00\n\tshoe",
    "music " * 3000,
    "x" * 5000,
    "red \ud800 shoe",
]
Make = Callable[[Path], Encoder]


def transformer(**settings: str | int) -> Make:
    shape = {k: settings.pop(k) for k in ("kind", "pooling", "seed") if k in settings}
    name = "-".join(map(str, shape.values())) or "plain"
    return lambda folder: TransformerEncoder.from_pretrained(
        write_tiny_bert(folder / name, **shape), threads=1, **settings
    )


def exported(**settings: str | int) -> Make:
    def make(folder: Path) -> Encoder:
        place = folder / "exported"
        if not place.exists():
            model = write_tiny_model(folder / "tiny-llama", "llama")
            export_encoder(model, place, progress=False)
        return ExportedEncoder.open(place, threads=1, **settings)

    return make


def static(**settings: int) -> Make:
    return lambda folder: distil(transformer()(folder), **settings)


def projected(make: Make, dim: int) -> Make:
    def narrow(folder: Path) -> Encoder:
        encoder = make(folder)
        return ProjectedEncoder.of_vectors(encoder, encoder.encode(CATALOG), dim=dim)

    return narrow


def hashed(dim: int) -> Make:
    return lambda _: extension_blocks.class_of("hashed").fit(CATALOG, dim=dim)


# name: (the encoder, the same with one setting changed)
KINDS: dict[str, tuple[Make, Make]] = {
    "tfidf": (
        lambda _: LexicalEncoder.fit(CATALOG),
        lambda _: LexicalEncoder.fit(CATALOG, dim=3),
    ),
    "tfidf-ngrams": (
        lambda _: LexicalEncoder.fit(CATALOG, char_ngrams=(3, 4)),
        lambda _: LexicalEncoder.fit(CATALOG, char_ngrams=(3, 5)),
    ),
    "bow": (
        lambda _: LexicalEncoder.fit(CATALOG, kind="bow"),
        lambda _: LexicalEncoder.fit(CATALOG, kind="bow", min_df=2),
    ),
    "word2vec": (
        lambda _: Word2VecEncoder.fit(CATALOG, dim=4),
        lambda _: Word2VecEncoder.fit(CATALOG, dim=4, negatives=2),
    ),
    "transformer": (transformer(), transformer(max_tokens=16)),
    "transformer-int8": (transformer(precision="int8"), transformer()),
    "transformer-cls": (transformer(pooling="cls"), transformer()),
    "transformer-roberta": (transformer(kind="roberta"), transformer(kind="roberta", seed=1)),
    "exported": (exported(), exported(max_tokens=16)),
    "exported-int8": (exported(precision="int8"), exported()),
    "static": (static(dim=16), static(dim=8)),
    "projected": (projected(transformer(), 5), projected(transformer(), 4)),
    "hashed": (hashed(dim=64), hashed(dim=32)),
}
INT8_TOLERANCE = 0.02  # a rounding step of an activation may fall either way


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module", params=[*KINDS, pytest.param("MiniLM", marks=pytest.mark.weights)])
def case(request, model_folder) -> tuple[Encoder, float]:
    if request.param == "MiniLM":
        try:
            find_weights()
        except DataError as error:
            pytest.skip(str(error))
        return TransformerEncoder.from_pretrained(threads=2), 1e-5
    encoder = KINDS[request.param][0](model_folder)
    return encoder, INT8_TOLERANCE if "int8" in request.param else 1e-5


def test_shape_type_and_length(case):
    encoder, _ = case
    rows = encoder.encode(TEXTS)
    assert rows.shape == (len(TEXTS), encoder.dim)
    assert rows.dtype == np.float32
    norms = np.linalg.norm(rows, axis=1)
    assert np.all((np.abs(norms - 1) < 1e-5) | (norms == 0))
    with_shoe = [i for i, text in enumerate(TEXTS) if "shoe" in text]
    assert np.all(norms[with_shoe] > 0)


def test_no_texts_and_empty_texts(case):
    encoder, _ = case
    assert encoder.encode([]).shape == (0, encoder.dim)
    assert encoder.encode([]).dtype == np.float32
    assert not encoder.encode(["", "  \n", "🎉"]).any()


def test_a_vector_does_not_depend_on_neighbors_or_order(case):
    encoder, tolerance = case
    together = encoder.encode(TEXTS)
    alone = np.vstack([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=tolerance)
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1])[::-1], together, atol=tolerance)


def test_same_call_same_numbers(case):
    encoder, _ = case
    np.testing.assert_array_equal(encoder.encode(TEXTS), encoder.encode(TEXTS))


def test_one_bare_text_is_refused(case):
    with pytest.raises(DataError, match="list of texts"):
        case[0].encode("red shoe")


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts=st.lists(st.text(max_size=60), max_size=8))
def test_any_text_at_all(case, texts):
    encoder, tolerance = case
    rows = encoder.encode(texts)
    norms = np.linalg.norm(rows, axis=1)
    assert np.all((np.abs(norms - 1) < 1e-5) | (norms == 0))
    padded = encoder.encode([*texts, "music " * 40])[:-1]
    np.testing.assert_allclose(padded, rows, atol=tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_fingerprint_follows_the_settings(kind, model_folder):
    make, other = KINDS[kind]
    first, again, changed = make(model_folder), make(model_folder), other(model_folder)
    assert first.fingerprint == again.fingerprint != changed.fingerprint
    np.testing.assert_array_equal(first.encode(TEXTS), again.encode(TEXTS))
    assert first.name
