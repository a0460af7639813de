import math

import numpy as np
import pytest

from pennyweight.encoders.static import StaticEncoder, distil
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.errors import BundleError, DataError
from pennyweight.vectors.unit_rows import unit_rows

TEXTS = ["red shoe", "red red music", "", "🎉", "手机壳 blue " * 400]


@pytest.fixture
def encoder(tiny) -> StaticEncoder:
    return distil(TransformerEncoder.from_pretrained(tiny, threads=1), dim=12, cache=False)


def test_encode_is_the_bag_times_the_table(encoder):
    bag = encoder.bag(TEXTS)
    assert bag.dtype == np.float32
    assert bag.shape == (len(TEXTS), len(encoder.table))
    np.testing.assert_allclose(bag.sum(axis=1).A1, [1, 1, 0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(unit_rows(bag @ encoder.table), encoder.encode(TEXTS), atol=1e-6)
    assert encoder.bag([]).shape == (0, len(encoder.table))


def test_bag_weighs_tokens_by_count_and_weight(encoder):
    red, music = (encoder.tokenizer.token_to_id(word) for word in ("red", "music"))
    row = encoder.bag(["red red music"])
    weights = encoder.token_weights
    assert set(row.indices) == {red, music}
    twice = 1 + math.log(2)
    share = twice * weights[red] / (twice * weights[red] + weights[music])
    assert row[0, red] == pytest.approx(share, rel=1e-6)


def test_markers_weigh_nothing_and_later_tokens_more(encoder):
    weights = encoder.token_weights
    assert not weights[:5].any()
    assert np.all(np.diff(weights[5:]) > 0)


def test_table_is_the_principal_part_of_single_token_vectors(encoder, tiny):
    transformer = TransformerEncoder.from_pretrained(tiny, threads=1)
    ids = [[2, token, 3] for token in range(len(encoder.table))]
    pooled = transformer.pool(ids)
    centered = pooled - pooled.mean(axis=0)
    full = distil(transformer, dim=32, cache=False).table
    np.testing.assert_allclose(full @ full.T, centered @ centered.T, atol=1e-3)
    np.testing.assert_allclose(full[:, :12], encoder.table, atol=1e-4)


def test_save_and_load(encoder, tmp_path):
    encoder.save(tmp_path / "b")
    loaded = StaticEncoder.load(tmp_path / "b")
    assert (loaded.name, loaded.fingerprint) == (encoder.name, encoder.fingerprint)
    np.testing.assert_array_equal(loaded.encode(TEXTS), encoder.encode(TEXTS))
    path = tmp_path / "b/static.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BundleError, match=r"static\.safetensors"):
        StaticEncoder.load(tmp_path / "b")
    with pytest.raises(BundleError, match="missing"):
        StaticEncoder.load(tmp_path / "none")


def test_weights_of_a_catalog(encoder):
    texts = ["red shoe", "red music", "red", "", "blue shoe shoe"]
    weighted = encoder.weighted(texts)
    red, shoe, music, unseen = (
        weighted.token_weights[encoder.tokenizer.token_to_id(word)]
        for word in ("red", "shoe", "music", "z")
    )
    assert red < shoe < music < unseen
    assert red == pytest.approx(math.log(6 / 4) + 1)
    assert not weighted.token_weights[:5].any()
    assert weighted.fingerprint != encoder.fingerprint
    assert encoder.weighted([]).encode(["red"]).any()


def test_another_table_on_the_same_tokens(encoder):
    other = encoder.with_table(encoder.table[:, :4] * 2, name="tuned")
    assert (other.name, other.dim) == ("tuned", 4)
    assert other.fingerprint != encoder.fingerprint
    with pytest.raises(DataError, match="a row and a weight"):
        encoder.with_table(encoder.table[:10], name="short")
