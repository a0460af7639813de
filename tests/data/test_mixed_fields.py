"""Fields that are objects in some rows and plain ids in others."""

import json

import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

ITEMS = pl.DataFrame({"item_id": [f"p{i}" for i in range(5)], "title": list("abcde")})
ROWS = [(f"u{n % 7}", f"p{n % 5}", 1_641_000_000 + n) for n in range(35)]


def users(tmp_path, rows, name="e.jsonl"):
    path = tmp_path / name
    text = "\n".join(map(json.dumps, rows)) if name == "e.jsonl" else json.dumps(rows)
    path.write_text(text)
    data = read(ITEMS, path)
    assert data.log.rows_kept["events"] == len(ROWS)
    return sorted(data.interactions.users)


@pytest.mark.parametrize("name", ["e.jsonl", "e.json"])
@pytest.mark.parametrize("fields", [{}, {"name": "Ada", "tags": ["x"]}])
@pytest.mark.parametrize("first", [0, 1])
def test_an_object_or_its_id(tmp_path, name, fields, first):
    rows = [
        {"user": {"id": u, **fields} if n % 2 == first else u, "item_id": i, "time": t}
        for n, (u, i, t) in enumerate(ROWS)
    ]
    assert users(tmp_path, rows, name) == [f"u{n}" for n in range(7)]


def test_an_object_or_its_id_within_an_object(tmp_path):
    rows = [
        {"context": {"user": {"user_id": u} if n % 2 else u}, "item": {"id": i}, "time": t}
        for n, (u, i, t) in enumerate(ROWS)
    ]
    assert users(tmp_path, rows) == [f"u{n}" for n in range(7)]


def test_a_list_or_its_only_element(tmp_path):
    rows = [{"user_id": u, "item_ids": [i] if n % 2 else i} for n, (u, i, _) in enumerate(ROWS)]
    assert users(tmp_path, rows) == [f"u{n}" for n in range(7)]
    rows = [
        {"user_id": u, "lines": [{"item_id": i}] if n % 2 else {"item_id": i}}
        for n, (u, i, _) in enumerate(ROWS)
    ]
    assert users(tmp_path, rows) == [f"u{n}" for n in range(7)]


def test_objects_without_an_id_beside_ids_are_refused(tmp_path):
    rows = [
        {"user": {"mail": u, "name": u} if n % 2 else u, "item_id": i}
        for n, (u, i, _) in enumerate(ROWS)
    ]
    with pytest.raises(DataError, match=r"'user' holds objects or lists, .* beside plain ids"):
        users(tmp_path, rows)


def test_texts_in_braces_stay_texts(tmp_path):
    rows = [
        {"user_id": u, "item_id": i, "note": '{"a": 1}' if n % 2 else "[2 pack] x"}
        for n, (u, i, _) in enumerate(ROWS)
    ]
    assert users(tmp_path, rows) == [f"u{n}" for n in range(7)]
