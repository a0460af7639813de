import pytest
from protected_app import Clock, make_key

from pennyweight.serving.security.keyring import KeyRing
from pennyweight.serving.security.keys import change, digest_of
from pennyweight.serving.security.sessions import (
    Sessions,
    ended_cookie,
    session_cookie,
    session_token,
)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.json"


def test_a_session_stands_for_a_key_until_it_ends(path, clock):
    _, key = make_key(path, "boss", "admin")
    sessions = Sessions(KeyRing(path, clock=clock), clock=clock, seconds=60)
    token = sessions.open(key)
    assert len(token) >= 43 and token != sessions.open(key)
    assert sessions.find(token) == key
    assert sessions.find("x" + token[1:]) is sessions.find("") is None
    clock.now += 59
    assert sessions.find(token) == key
    clock.now += 1
    assert sessions.find(token) is None
    other = sessions.open(key)
    sessions.close(other)
    sessions.close("unheard of")
    assert sessions.find(other) is None and len(sessions) == 0


def test_only_the_sha256_of_a_token_is_kept(path, clock):
    _, key = make_key(path, "boss", "admin")
    sessions = Sessions(KeyRing(path, clock=clock), clock=clock, token=lambda n: "t" * n)
    assert sessions.open(key) == "t" * 32
    assert list(sessions._open) == [digest_of("t" * 32)]


def test_a_session_ends_with_its_key_even_if_another_takes_the_name(path, clock):
    _, key = make_key(path, "boss", "admin")
    sessions = Sessions(KeyRing(path, clock=clock), clock=clock)
    token = sessions.open(key)
    change(path, lambda keys: keys.without("boss"))
    make_key(path, "boss", "admin")
    clock.now += 2
    assert sessions.find(token) is None and len(sessions) == 0


def test_there_are_so_many_and_the_oldest_ends(path, clock):
    _, key = make_key(path, "boss", "admin")
    sessions = Sessions(KeyRing(path, clock=clock), clock=clock, sessions=3, seconds=60)
    tokens = [sessions.open(key) for _ in range(5)]
    assert [sessions.find(token) == key for token in tokens] == [False, False, True, True, True]
    clock.now += 61
    sessions.open(key)
    assert len(sessions) == 1


def test_cookies_are_for_this_site_and_no_script():
    cookie = session_cookie("abc", secure=False, seconds=60)
    assert cookie == "pennyweight=abc; Path=/; HttpOnly; SameSite=Strict; Max-Age=60"
    safe = session_cookie("abc", secure=True)
    assert safe.startswith("__Host-pennyweight=abc; Path=/;") and safe.endswith("; Secure")
    assert "Max-Age=0" in ended_cookie(secure=True)


def test_a_cookie_is_read_back_by_the_way_it_came():
    for secure in (False, True):
        pair = session_cookie("a=b_c-", secure=secure).split(";")[0]
        assert session_token(f"x=y; {pair};z", secure=secure) == "a=b_c-"
        assert session_token(f"x{pair}", secure=secure) is None
    assert session_token("pennyweight=planted", secure=True) is None
    assert session_token("pennyweight=", secure=False) is None
