import logging

import pytest
from protected_app import Clock, make_key

from pennyweight.errors import DataError
from pennyweight.serving.security.keyring import KeyRing
from pennyweight.serving.security.keys import change


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.json"


def test_keys_are_rotated_without_a_restart(path):
    clock = Clock()
    old, _ = make_key(path, "old", "read")
    ring = KeyRing(path, clock=clock)
    new, key = make_key(path, "new", "read")
    change(path, lambda keys: keys.without("old"))
    clock.now += 0.9
    assert ring.find(new) is None and ring.find(old) is not None  # looked at once a second
    clock.now += 0.2
    assert ring.find(new) == key and ring.find(old) is None
    assert ring.of_digest(key.sha256) == key


@pytest.mark.parametrize("damage", ["damaged", "gone", "a folder"])
def test_a_damaged_file_keeps_the_last_good_keys_and_is_told_once(path, caplog, damage):
    clock, failures = Clock(), []
    secret, key = make_key(path, "shop", "read")
    ring = KeyRing(path, clock=clock)
    ring.failed = failures.append
    path.unlink()
    if damage == "damaged":
        path.write_text('{"format": 1, "keys": [')
    elif damage == "a folder":
        path.mkdir()
    for _ in range(5):
        clock.now += 2
        assert ring.find(secret) == key
    assert len(failures) == 1 and str(path) in str(failures[0])
    errors = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert len(errors) == 1 and "last good" in errors[0].getMessage()
    if damage == "a folder":
        path.rmdir()
    path.unlink(missing_ok=True)
    other, _ = make_key(path, "other", "read")
    clock.now += 2
    assert ring.find(secret) is None and ring.find(other) is not None
    assert len(failures) == 1


def test_no_ring_begins_with_a_file_that_cannot_be_used(path):
    with pytest.raises(DataError, match="no such file"):
        KeyRing(path)
    path.write_text("{}{}")
    with pytest.raises(DataError, match="mend or restore"):
        KeyRing(path)
