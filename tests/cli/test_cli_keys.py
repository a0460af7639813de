import json
import os
import stat
from pathlib import Path

import pytest
from running import Cli

from pennyweight.serving.security.keys import Keys


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "service" / "keys.json"


def test_a_key_is_alone_on_stdout_and_opens(cli: Cli, file: Path) -> None:
    ran = cli("keys", "create", "--scope", "read", "--scope", "events", "--keys", file)
    assert ran.code == 0 and len(ran.out.splitlines()) == 1
    secret = ran.out.strip()
    key = Keys.load(file).find(secret)
    assert key is not None and key.name == "key-1" and key.scopes == ("read", "events")
    assert secret not in ran.err and "key-1" in ran.err and str(file) in ran.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_keys_are_listed_without_what_proves_them(cli: Cli, file: Path) -> None:
    secrets = [
        cli("keys", "create", "--scope", scope, "--name", name, "--keys", file).out.strip()
        for scope, name in (("admin", "boss"), ("read", "shop-window"))
    ]
    text = cli("keys", "list", "--keys", file)
    assert [line.split()[::2] for line in text.out.splitlines()] == [
        ["boss", "admin"],
        ["shop-window", "read"],
    ]
    rows = json.loads(cli("keys", "list", "--keys", file, "--json").out)
    assert [row.keys() for row in rows] == [{"name", "scopes", "created"}] * 2
    for secret in secrets:
        assert secret not in text.out + json.dumps(rows)


def test_a_revoked_key_opens_nothing(cli: Cli, file: Path) -> None:
    made = [cli("keys", "create", "--scope", "read", "--keys", file).out.strip() for _ in "ab"]
    assert cli("keys", "revoke", "key-1", "--keys", file).code == 0
    keys = Keys.load(file)
    assert keys.find(made[0]) is None and keys.find(made[1]) is not None
    last = cli("keys", "revoke", "key-2", "--keys", file)
    assert last.code == 0 and last.out == "" and "remove the file" in last.err
    empty = cli("keys", "list", "--keys", file)
    assert (empty.code, empty.out) == (0, "") and "no key" in empty.err
    assert json.loads(cli("keys", "list", "--keys", file, "--json").out) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("create", "--scope", "root"), "choose from session, read, events, admin"),
        (("create",), "--scope"),
        (("create", "--scope", "read", "--name", "a b"), "64 letters"),
        (("create", "--scope", "read", "--name", "shop"), "revoke it first"),
        (("revoke", "shp"), "did you mean 'shop'"),
        (("revoke",), "NAME"),
    ],
)
def test_what_cannot_be_done_changes_nothing(
    cli: Cli, file: Path, words: tuple[str, ...], message: str
) -> None:
    cli("keys", "create", "--scope", "read", "--name", "shop", "--keys", file)
    before = file.read_bytes()
    ran = cli("keys", *words, "--keys", file)
    assert (ran.code, ran.out) == (2, "") and message in ran.err
    assert file.read_bytes() == before


@pytest.mark.parametrize("words", [("list",), ("revoke", "shop")])
def test_a_missing_file_says_how_to_make_one(cli: Cli, file: Path, words: tuple[str]) -> None:
    ran = cli("keys", *words, "--keys", file)
    assert (ran.code, ran.out) == (2, "") and "pennyweight keys create" in ran.err
    assert not file.parent.exists()


@pytest.mark.parametrize("words", [("list",), ("revoke", "a"), ("create", "--scope", "read")])
def test_a_damaged_file_is_told_and_left(cli: Cli, tmp_path: Path, words: tuple[str, ...]) -> None:
    file = tmp_path / "keys.json"
    file.write_text('{"keys": 1}')
    ran = cli("keys", *words, "--keys", file)
    assert (ran.code, ran.out) == (2, "") and str(file) in ran.err and "restore" in ran.err
    assert file.read_text() == '{"keys": 1}'


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(cli: Cli, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    ran = cli("keys", "create", "--scope", "read", "--keys", tmp_path / "keys.json")
    tmp_path.chmod(0o700)
    assert (ran.code, ran.out) == (2, "") and "Permission" in ran.err


def test_without_a_file_it_is_in_the_configuration(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    secret = cli("keys", "create", "--scope", "admin").out.strip()
    assert Keys.load(tmp_path / "pennyweight" / "keys.json").find(secret) is not None
    assert "key-1" in cli("keys", "list").out
    assert cli("keys", "revoke", "key-1").code == 0
