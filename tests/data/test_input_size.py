"""How much data there is, from a look at its beginning."""

import bz2
import gzip
import io
import lzma
import zipfile

import pandas as pd
import polars as pl
import pytest

from pennyweight.data.input_size import HEAD, volume

N = 60_000
FRAME = pl.DataFrame(
    {
        "item_id": [f"item{i}" for i in range(N)],
        "title": [f"A title of {i % 97} words" for i in range(N)],
    }
)
CSV = FRAME.write_csv().encode()


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("items.csv", data)
    return file.getvalue()


FILES = {
    "items.csv": lambda: CSV,
    "items.tsv": lambda: FRAME.write_csv(separator="\t").encode(),
    "items.csv.gz": lambda: gzip.compress(CSV),
    "items.csv.bz2": lambda: bz2.compress(CSV),
    "items.csv.xz": lambda: lzma.compress(CSV),
    "items.zip": lambda: zipped(CSV),
    "items.jsonl": lambda: FRAME.write_ndjson().encode(),
    "items.json": lambda: FRAME.write_json().encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_rows_of_a_file(tmp_path, name):
    assert len(CSV) > HEAD
    path = tmp_path / name
    path.write_bytes(FILES[name]())
    size = volume(path, path)
    assert size.items == size.events == pytest.approx(N, rel=0.1)
    assert size.item_bytes == pytest.approx(len(CSV), rel=2)


def test_rows_of_parquet_and_of_frames_are_known(tmp_path):
    path = tmp_path / "items.parquet"
    FRAME.write_parquet(path)
    for source in (path, str(path), FRAME, FRAME.lazy(), FRAME.to_pandas()):
        size = volume(source, FRAME.head(7))
        assert (size.items, size.events) == (N, 7)
        assert size.item_bytes > N * 20


def test_zstandard_is_guessed_from_its_size(tmp_path):
    path = tmp_path / "items.csv.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(9_996))
    assert volume(path, None).items == 400


@pytest.mark.parametrize(
    "data", [b"", b"PAR1 but no more", b"\x1f\x8b not gzip", b"PK\x03\x04 no archive", None]
)
def test_unreadable_sources_count_as_empty(tmp_path, data):
    path = tmp_path / "items"
    if data is not None:
        path.write_bytes(data)
    size = volume(path, pd.DataFrame({"user_id": [1]}))
    assert size.items in (0, 1)
    assert size.events == 1


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_users_are_estimated_from_the_beginning(tmp_path, suffix):
    log = pl.DataFrame({"buyer": [f"u{i // 50}" for i in range(N)], "item_id": "x"})
    path = tmp_path / f"events.{suffix}"
    write = {
        "csv": log.write_csv,
        "tsv": lambda file: log.write_csv(file, separator="\t"),
        "jsonl": log.write_ndjson,
        "parquet": log.write_parquet,
    }
    write[suffix](path)
    size = volume(FRAME, path, columns={"user": "buyer"})
    assert size.users == pytest.approx(N / 50, rel=0.05)
    assert volume(FRAME, path, columns={"user": "nobody"}).users is None
    assert volume(FRAME, log.rename({"buyer": "user_id"})).users == N // 50
