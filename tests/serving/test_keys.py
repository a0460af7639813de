import json
import stat
import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protected_app import NOW, make_key

from pennyweight.errors import DataError, PlanError, UnknownIdError
from pennyweight.serving.security.keys import (
    LENGTH,
    SCOPES,
    Keys,
    change,
    digest_of,
    keys_file,
    new_key,
)

SCOPE_SETS = st.sets(st.sampled_from(SCOPES), min_size=1)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)


def test_a_key_is_random_and_only_its_digest_is_stored(tmp_path):
    path = tmp_path / "keys.json"
    secret, key = make_key(path, "shop", "read")
    assert secret.startswith("pw_") and len(secret) == LENGTH
    assert new_key("shop", ["read"], now=NOW)[0] != secret
    assert secret not in path.read_text() and secret[3:] not in path.read_text()
    assert Keys.load(path).find(secret) == key


def test_the_file_is_for_its_owner_alone_and_is_replaced_whole(tmp_path):
    path = tmp_path / "made" / "keys.json"
    make_key(path, "one", "read")
    path.chmod(0o644)
    before = path.stat().st_ino
    make_key(path, "two", "events")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_ino != before
    assert [file.name for file in path.parent.iterdir()] == ["keys.json"]
    written = json.loads(path.read_text())
    assert written["keys"][1]["created"] == "2026-01-02T03:04:05Z"
    assert written["keys"][1].keys() == {"name", "scopes", "created", "sha256"}


def test_a_link_to_a_file_stays_one(tmp_path):
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    make_key(real, "one", "read")
    link.symlink_to(real)
    make_key(link, "two", "read")
    assert link.is_symlink() and len(Keys.load(real).keys) == 2


@given(st.lists(st.tuples(NAMES, SCOPE_SETS), unique_by=lambda row: row[0], max_size=5))
def test_written_keys_are_read_back(rows):
    made = [new_key(name, scopes, now=NOW) for name, scopes in rows]
    keys = Keys(keys=tuple(key for _, key in made))
    read = Keys.model_validate_json(keys.to_json())
    assert read == keys
    for (secret, key), (_, scopes) in zip(made, rows, strict=True):
        assert read.find(secret) == key
        for scope in SCOPES:
            wider = {"admin", scope} | ({"read"} if scope == "session" else set())
            assert key.may(scope) == (not wider.isdisjoint(scopes))


SECRET, KEY = new_key("shop", ["read"], now=NOW)
KEYS = Keys(keys=(KEY,))


@given(st.text(), st.integers(0, LENGTH), st.integers(0, LENGTH))
def test_nothing_but_the_key_opens(text, start, end):
    near = SECRET[:start] + text + SECRET[end:]
    assert (KEYS.find(near) is not None) == (near == SECRET)
    assert KEYS.find(digest_of(SECRET)) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_keys_or_an_error_with_the_remedy(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "keys.json"
    path.write_bytes(data)
    try:
        assert Keys.load(path).keys == ()  # a sha256 is not found by chance
    except DataError as error:
        assert str(path) in str(error) and "pennyweight keys create" in str(error)


ROW = json.loads(KEYS.to_json())["keys"][0]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("", "is no JSON"),
        ("[]", "object"),
        ({"format": 2, "keys": []}, "format"),
        ({"format": 1, "keys": [], "more": 1}, "more is unknown here"),
        ({"format": 1, "keys": [ROW | {"key": SECRET}]}, "keys.0.key is unknown here"),
        ({"format": 1, "keys": [ROW | {"sha256": SECRET}]}, "keys.0.sha256"),
        ({"format": 1, "keys": [ROW | {"sha256": "A" * 64}]}, "keys.0.sha256"),
        ({"format": 1, "keys": [ROW | {"name": "a b"}]}, "keys.0.name"),
        ({"format": 1, "keys": [ROW | {"scopes": []}]}, "keys.0.scopes"),
        ({"format": 1, "keys": [ROW | {"scopes": ["root"]}]}, "keys.0.scopes"),
        ({"format": 1, "keys": [ROW | {"created": "yesterday"}]}, "keys.0.created"),
        ({"format": 1, "keys": [ROW | {"created": "2026-01-02T03:04:05"}]}, "keys.0.created"),
        ({"format": 1, "keys": [ROW, ROW | {"sha256": "0" * 64}]}, "the same name"),
        ({"format": 1, "keys": [ROW, ROW | {"name": "other"}]}, "the same sha256"),
    ],
)
def test_a_damaged_file_is_refused_without_repeating_its_contents(tmp_path, file, message):
    path = tmp_path / "keys.json"
    path.write_text(file if isinstance(file, str) else json.dumps(file))
    with pytest.raises(DataError, match=r"keys\.json") as caught:
        Keys.load(path)
    assert message in str(caught.value) and SECRET not in str(caught.value)
    assert "Input" not in str(caught.value)


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(DataError, match=r"no such file.*pennyweight keys create"):
        Keys.load(tmp_path / "keys.json")


def test_a_damaged_file_is_not_written_over(tmp_path):
    path = tmp_path / "keys.json"
    path.write_text("{")
    with pytest.raises(DataError):
        make_key(path, "shop", "read")
    assert path.read_text() == "{"


@pytest.mark.parametrize("name", ["", " a", "-a", "a b", "a/b", "a\n", "ä", "a" * 65])
def test_names_are_plain(name):
    with pytest.raises(PlanError, match="64 letters"):
        new_key(name, ["read"], now=NOW)


def test_scopes_are_known_and_at_least_one():
    with pytest.raises(PlanError, match="choose from session, read, events, admin"):
        new_key("shop", [], now=NOW)
    with pytest.raises(PlanError, match="root"):
        new_key("shop", ["read", "root"], now=NOW)
    assert new_key("shop", ["admin", "read", "read"], now=NOW)[1].scopes == ("read", "admin")


def test_a_name_is_taken_once_and_the_nearest_is_told():
    with pytest.raises(PlanError, match="'shop' exists"):
        KEYS.with_key(KEY)
    with pytest.raises(UnknownIdError, match="did you mean 'shop'"):
        KEYS.without("shp")
    assert KEYS.without("shop").find(SECRET) is None
    assert KEYS.free_name() == "key-1"
    two = KEYS.with_key(new_key("key-1", ["read"], now=datetime.now(UTC))[1])
    assert two.free_name() == "key-2"


def test_writers_at_the_same_time_lose_nothing(tmp_path):
    path = tmp_path / "keys.json"
    threads = [threading.Thread(target=make_key, args=(path, f"key-{i}", "read")) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {key.name for key in Keys.load(path).keys} == {f"key-{i}" for i in range(8)}


def test_revoking_the_last_key_leaves_a_file_that_lets_nobody_in(tmp_path):
    path = tmp_path / "keys.json"
    secret, _ = make_key(path, "shop", "admin")
    assert change(path, lambda keys: keys.without("shop")).keys == ()
    assert Keys.load(path).find(secret) is None


def test_the_usual_file_is_in_the_users_configuration(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert keys_file() == tmp_path / "pennyweight" / "keys.json"
