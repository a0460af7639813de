import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pennyweight.encoders import cache as module
from pennyweight.encoders.cache import cache_size, encode_cached, evict
from pennyweight.encoders.projected import ProjectedEncoder


class Counting:
    """An encoder that remembers what it was asked."""

    name, dim, fingerprint, block = "counting", 3, "f" * 32, 4096
    trained_for_lists = False

    def __init__(self, fail_after=None):
        self.encoded = []
        self.fail_after = fail_after

    def encode(self, texts):
        if self.fail_after is not None and len(self.encoded) >= self.fail_after:
            raise KeyboardInterrupt
        self.encoded.extend(texts)
        rows = np.array([[len(t), sum(map(ord, t)) % 97, 1] for t in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


TEXTS = [f"text {i}" for i in range(10)]


def test_a_projection_of_what_is_cached_encodes_nothing(tmp_path):
    encoder = Counting()
    vectors = encode_cached(encoder, TEXTS, folder=tmp_path)
    narrow = ProjectedEncoder.of_vectors(encoder, vectors, dim=2)
    projected = encode_cached(narrow, TEXTS, folder=tmp_path)
    assert encoder.encoded == TEXTS
    np.testing.assert_allclose(projected, narrow.encode(TEXTS), rtol=1e-6)


def test_only_what_is_new_is_encoded(tmp_path):
    encoder, plain = Counting(), Counting()
    calls = []
    first = encode_cached(encoder, [*TEXTS, TEXTS[0]], folder=tmp_path)
    np.testing.assert_array_equal(first, plain.encode([*TEXTS, TEXTS[0]]))
    assert encoder.encoded == TEXTS
    second = encode_cached(
        encoder, ["new", *TEXTS[::-1]], folder=tmp_path, progress=lambda *p: calls.append(p)
    )
    np.testing.assert_array_equal(second, plain.encode(["new", *TEXTS[::-1]]))
    assert encoder.encoded == [*TEXTS, "new"]
    assert calls == [(11, 11)]


def test_no_texts(tmp_path):
    assert encode_cached(Counting(), [], folder=tmp_path).shape == (0, 3)


def test_encoders_do_not_share(tmp_path):
    encode_cached(Counting(), TEXTS, folder=tmp_path)
    other = Counting()
    other.fingerprint = "0" * 32
    encode_cached(other, TEXTS, folder=tmp_path)
    assert other.encoded == TEXTS


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_damaged_segments_are_encoded_again(tmp_path, damage):
    expected = encode_cached(Counting(), TEXTS, folder=tmp_path)
    (path,) = tmp_path.glob("*/*.segment")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes({"flip": data, "cut": data[:-7], "empty": b""}[damage])
    encoder = Counting()
    np.testing.assert_array_equal(encode_cached(encoder, TEXTS, folder=tmp_path), expected)
    assert encoder.encoded == TEXTS


def test_an_interrupted_run_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FLUSH", 4)
    with pytest.raises(KeyboardInterrupt):
        encode_cached(Counting(fail_after=8), TEXTS, folder=tmp_path)
    encoder = Counting()
    encode_cached(encoder, TEXTS, folder=tmp_path)
    assert encoder.encoded == TEXTS[8:]


def test_many_small_segments_are_merged(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_SEGMENTS", 3)
    for text in TEXTS:
        encode_cached(Counting(), [text], folder=tmp_path)
    assert len(list(tmp_path.glob("*/*.segment"))) <= 4
    encoder = Counting()
    encode_cached(encoder, TEXTS, folder=tmp_path)
    assert not encoder.encoded


def test_the_oldest_go_first(tmp_path):
    for i, text in enumerate(TEXTS):
        encode_cached(Counting(), [text], folder=tmp_path)
        for path in tmp_path.glob("*/*.segment"):
            if path.stat().st_mtime > 1000:
                os.utime(path, (i, i))
    size = cache_size(tmp_path)
    evict(tmp_path, size // 2)
    assert cache_size(tmp_path) == size // 2
    encoder = Counting()
    encode_cached(encoder, TEXTS, folder=tmp_path)
    assert encoder.encoded == TEXTS[:5]


def test_leftovers_of_killed_writers_are_removed(tmp_path):
    encode_cached(Counting(), TEXTS, folder=tmp_path)
    folder = next(tmp_path.iterdir())
    old, fresh = folder / ".tmp-old", folder / ".tmp-new"
    for path in (old, fresh):
        path.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    cache_size(tmp_path)
    assert not old.exists()
    assert fresh.exists()


def test_many_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FLUSH", 2)
    monkeypatch.setattr(module, "MAX_SEGMENTS", 2)
    expected = Counting().encode(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        runs = [
            pool.submit(encode_cached, Counting(), TEXTS[i % 3 :], folder=tmp_path)
            for i in range(12)
        ]
        for i, run in enumerate(runs):
            np.testing.assert_array_equal(run.result(), expected[i % 3 :])
