"""Vectors from a server that behaves, and from one that does not."""

import json
import logging
import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import ExitStack

import numpy as np
import pytest

import small_shop
from embedding_server import DIM, KEY, Fault, embedding_server, vector
from pennyweight.cli.options import Options
from pennyweight.config.plan import Plan
from pennyweight.encoders.cache import encode_cached
from pennyweight.encoders.endpoint import EndpointEncoder, EndpointSettings
from pennyweight.encoders.endpoint_client import EndpointClient, parse_endpoint
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.prompts import Prompts
from pennyweight.encoders.token_budget import TokenBudget, cut_text, estimate_tokens
from pennyweight.errors import BudgetError, BundleError, EndpointError, PlanError
from pennyweight.fitting import evaluate, fit
from pennyweight.recommender import Recommender
from pennyweight.vectors.unit_rows import unit_rows

TEXTS = [f"red shoe number {i}" for i in range(250)]


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("PENNYWEIGHT_ENDPOINT_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with embedding_server() as server:
        yield server


@pytest.fixture(autouse=True)
def closed_connections(monkeypatch):
    """Close what clients leave open: garbage is finalized in any order, also a socket first."""
    made, connection = [], EndpointClient._connection

    def recorded(client):
        made.append(connection(client))
        return made[-1]

    monkeypatch.setattr(EndpointClient, "_connection", recorded)
    yield
    for one in made:
        one.close()


@pytest.fixture
def unused_port():
    with socket.socket() as bound:  # bound but not listening: connections are refused
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def encoder_at(server, *, timeout=60.0, attempts=3, dim=DIM, budget=None, **settings):
    settings = EndpointSettings(server.address, "test-model", **settings)
    client = EndpointClient(
        server.address,
        key_variable=settings.key_variable,
        timeout=timeout,
        attempts=attempts,
        backoff=0.01,
    )
    return EndpointEncoder(settings, dim=dim, client=client, budget=budget)


def expected(texts):
    return unit_rows(np.array([vector(text) for text in texts]))


def test_vectors_come_in_the_order_of_the_texts_and_in_batches(server):
    encoder = encoder_at(server, dim=None)
    steps = []
    rows = encoder.encode([*TEXTS, ""], progress=lambda *step: steps.append(step))
    np.testing.assert_allclose(rows[:-1], expected(TEXTS), atol=1e-6)
    assert not rows[-1].any() and encoder.dim == DIM
    assert [len(request["input"]) for request in server.requests] == [1, 96, 96, 58]
    assert steps[-1] == (251, 251)
    assert len(encoder.client._idle) == 1  # kept open


def test_long_texts_are_cut_and_batches_are_bounded_by_tokens(server):
    encoder = encoder_at(server, max_tokens=100)
    encoder.encode(["word " * 5_000] * 200)
    sizes = [sum(map(estimate_tokens, request["input"])) for request in server.requests]
    assert max(sizes) <= 8_000 and len(sizes) > 2
    assert max(map(len, server.texts)) <= 300
    assert cut_text("手" * 1_000, 10) == "手" * 10


def test_prompts_go_before_texts(server):
    encoder = encoder_at(server, prompts=Prompts("find: ", "item: "))
    encoder.encode(["shoe", " "])
    encoder.encode_queries(["shoe"])
    assert server.texts == ["item: shoe", "find: shoe"]
    opened = EndpointEncoder.open(EndpointSettings(server.address, "nomic-embed-text"))
    assert opened.prompts == Prompts("search_query: ", "search_document: ")


@pytest.mark.parametrize(
    "fault",
    [
        Fault(429, headers={"Retry-After": "0"}),
        Fault(500, b"internal"),
        Fault(503, b"<html>busy</html>", headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
        Fault(200, None, cut=20),
        Fault(200, b'{"data": [{"ind'),
        Fault(200, None, silent=True),
    ],
    ids=["429", "500", "503", "cut body", "cut JSON", "timeout"],
)
def test_a_failure_that_may_pass_is_tried_again(server, fault):
    server.faults += [fault, fault]
    encoder = encoder_at(server, timeout=1.5 if fault.silent else 60.0)
    np.testing.assert_allclose(encoder.encode(TEXTS[:3]), expected(TEXTS[:3]), atol=1e-6)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault(200, b"[" * 200_000), "nested too deeply"),
        (Fault(429), "status 429.*3 tries"),
        (Fault(500, b"internal"), "status 500.*internal.*3 tries"),
        (Fault(200, None, cut=5), "no answer .*3 tries"),
        (Fault(200, None, silent=True), r"not complete within 0\.5 s.*3 tries"),
    ],
)
def test_tries_come_to_an_end(server, fault, message):
    server.always = fault
    with pytest.raises(EndpointError, match=message):
        encoder_at(server, timeout=0.5 if fault.silent else 60.0).encode(["shoe"])


def test_a_server_that_says_nothing_is_cut_off(server):
    server.always = Fault(200, None, silent=True)
    with pytest.raises(EndpointError, match=r"not complete|timed out"):
        encoder_at(server, timeout=0.3, attempts=1).encode(["shoe"])


def test_a_request_on_an_open_connection_is_cut_off_and_not_sent_again(server):
    encoder = encoder_at(server, attempts=1)
    encoder.encode(["shoe"])
    encoder.client.timeout = encoder.client._idle[0].timeout = 0.3
    encoder.client._idle[0].sock.settimeout(0.3)
    server.always = Fault(200, None, silent=True)
    with pytest.raises(EndpointError, match="not complete within"):
        encoder.encode(["boot"])
    assert server.texts == ["shoe", "boot"]


def changed(**change):
    def change_first(right):
        right["data"][0].update(change)
        return right

    return change_first


def changed_all(**change):
    return lambda right: right | {"data": [entry | change for entry in right["data"]]}


WRONG = {
    "HTML": (b"<html><body>Welcome</body></html>", "no JSON: '<html>"),
    "list": (b"[1, 2]", "no JSON object"),
    "no data": (b'{"object": "list"}', "no list of embeddings"),
    "wrong count": (lambda right: right | {"data": right["data"][1:]}, "2 embeddings for 3 texts"),
    "other width": (changed(embedding=[0.5] * 7), "7, 8 values, not 8"),
    "no vector": (changed(embedding=None), "0, 8 values, not 8"),
    "NaN": (changed(embedding=[float("nan")] * DIM), r"data\[0\]\.embedding is zero, not finite"),
    "infinite": (changed(embedding=[1e999] * DIM), "not finite"),
    "beyond float32": (changed(embedding=[1e300] * DIM), "a value above 1,000,000"),
    "a whole number without end": (changed(embedding=[10**400] * DIM), "a value above 1,000,000"),
    "zero": (changed(embedding=[0.0] * DIM), "is zero"),
    "text": (changed(embedding=["a"] * DIM), "no number"),
    "nested": (changed(embedding=[[1]] * DIM), "no number"),
    "all nested": (changed_all(embedding=[[1]] * DIM), r"data\[0\]\.embedding .* no number"),
    "same index": (changed(index=0), "each once"),
    "other index": (changed(index=7), "each once"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_refused_at_once(server, name):
    body, message = WRONG[name]
    server.always = Fault(200, body)
    with pytest.raises(EndpointError, match=rf"127\.0\.0\.1.*{message}.*; check") as refusal:
        encoder_at(server).encode(TEXTS[:3])
    assert len(server.requests) == 1 and "tries" not in str(refusal.value)


def test_vectors_of_one_component_are_refused(server):
    server.always = Fault(200, changed_all(embedding=[1.0]))
    with pytest.raises(EndpointError, match="have 1 values, not 2 to 16,384"):
        _ = encoder_at(server, dim=None).dim


def test_a_server_that_is_not_there_is_tried_twice(server, unused_port):
    encoder = EndpointEncoder(EndpointSettings(f"http://127.0.0.1:{unused_port}/v1", "test-model"))
    with pytest.raises(EndpointError, match=r"Connection refused.*\(2 tries\); start the server"):
        encoder.encode(["shoe"])


def test_a_server_that_restarts_is_tried_until_it_is_there():
    with embedding_server() as first:
        encoder = encoder_at(first, attempts=6)
        encoder.encode(["shoe"])
    encoder.client.close()  # the connection that the first server left open
    encoder.client.backoff = 0.1
    port = encoder.client.parts.port
    with ExitStack() as stack:
        start = threading.Timer(0.8, lambda: stack.enter_context(embedding_server(port=port)))
        start.start()
        assert encoder.encode(["boot"]).any()
        start.join()


def test_one_embedding_for_all_texts_is_refused(server):
    def same(right):
        return {"data": [entry | {"embedding": [1.0] * DIM} for entry in right["data"]]}

    server.always = Fault(200, same)
    with pytest.raises(EndpointError, match="one and the same"):
        encoder_at(server).encode(TEXTS[:10])


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_refused_and_the_key_stays(server, status, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_ENDPOINT_KEY", KEY)
    with embedding_server() as other:
        server.always = Fault(status, headers={"Location": f"{other.address}/embeddings"})
        with pytest.raises(EndpointError, match=r"redirects to 'http://127.*not followed"):
            encoder_at(server).encode(["shoe"])
        assert not other.requests


def test_the_key_comes_from_the_environment_and_is_in_no_message(server, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    server.key = KEY
    with pytest.raises(EndpointError, match="variable PENNYWEIGHT_ENDPOINT_KEY is not set"):
        encoder_at(server).encode(["shoe"])
    monkeypatch.setenv("MY_API_KEY", "another-secret")
    encoder = encoder_at(server, key_variable="MY_API_KEY")
    with pytest.raises(EndpointError, match="MY_API_KEY is refused") as refusal:
        encoder.encode(["shoe"])
    assert "another-secret" not in str(refusal.value) and "***" in str(refusal.value)
    monkeypatch.setenv("MY_API_KEY", KEY)
    assert encoder.encode(["shoe"]).any()
    assert server.keys == [None, "Bearer another-secret", f"Bearer {KEY}"]
    assert KEY not in caplog.text and "another-secret" not in caplog.text
    assert KEY not in repr(vars(encoder)) + repr(vars(encoder.client))


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "sk-123", "PATH", "my_api_key", ""])
def test_only_variables_for_keys_of_servers_are_read(name):
    with pytest.raises(PlanError, match="ends in _API_KEY"):
        EndpointClient("https://host/v1", key_variable=name or " ")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("https://user:key@host/v1", "has a user"),
        ("https://host/v1?key=1", "a query"),
        ("https://host/v1#key", "a fragment"),
        ("https:///v1", "no address"),
        ("https://host:port/v1", "no address"),
        ("ftp://host/v1", "no address"),
    ],
)
def test_addresses_that_could_hold_a_key_are_refused(address, message):
    with pytest.raises(PlanError, match=message) as refusal:
        parse_endpoint(address)
    assert "user:key" not in str(refusal.value)


def test_http_is_for_this_machine_and_private_networks(monkeypatch, caplog):
    class Peer:
        def __init__(self, address):
            self.sock, self.address = self, address

        def getpeername(self):
            return (self.address, 80)

    client = EndpointClient("http://host/v1")
    client._check_peer(Peer("127.0.0.1"))
    assert not caplog.records
    client._check_peer(Peer("192.168.1.5"))
    assert "unencrypted" in caplog.text
    with pytest.raises(EndpointError, match="use https"):
        client._check_peer(Peer("93.184.216.34"))


def test_a_budget_stops_before_a_request_that_would_pass_it(server, tmp_path):
    tokens = sum(estimate_tokens(text) for text in TEXTS)
    budget = TokenBudget(money=tokens * 0.7 * 2e-6, price=2.0)
    encoder = encoder_at(server, budget=budget)
    with pytest.raises(BudgetError, match=r"96 of 250 texts .* 154 are to come.*money"):
        encode_cached(
            encoder_at(server, budget=TokenBudget(700, price=2.0)), TEXTS, folder=tmp_path
        )
    assert len(server.texts) == 96
    rows = encode_cached(encoder, TEXTS, folder=tmp_path)  # goes on, with the budget of this run
    np.testing.assert_allclose(rows, expected(TEXTS), atol=1e-6)
    assert sorted(server.texts) == sorted(TEXTS)  # none was sent twice
    assert encoder.budget.used == 154 * 4  # as the server counts


def test_a_budget_of_zero_sends_nothing(server, tmp_path):
    encoder = encoder_at(server, budget=TokenBudget(0))
    with pytest.raises(BudgetError, match="0 of 250 texts"):
        encode_cached(encoder, TEXTS, folder=tmp_path)
    with pytest.raises(BudgetError, match="0 tokens"):
        _ = encoder_at(server, budget=TokenBudget(0), dim=None).dim
    assert not server.requests
    encode_cached(encoder_at(server), TEXTS, folder=tmp_path)
    encode_cached(encoder, TEXTS, folder=tmp_path)  # all are there: nothing to pay for
    with pytest.raises(PlanError, match="needs the price"):
        TokenBudget(money=5)


def test_texts_before_a_failure_are_kept(server, tmp_path):
    server.faults += [Fault(200, None), Fault(400, b"no more")]
    with pytest.raises(EndpointError, match=r"no more.*96 of 250 texts .* are kept"):
        encode_cached(encoder_at(server), TEXTS, folder=tmp_path)
    encode_cached(encoder_at(server), TEXTS, folder=tmp_path)
    assert len(server.texts) == 96 + 96 + 154


def test_the_fingerprint_follows_address_model_prompts_and_cut():
    base = EndpointSettings("https://host/v1", "model")
    others = [
        EndpointSettings("https://host/v2", "model"),
        EndpointSettings("https://host/v1", "other"),
        EndpointSettings("https://host/v1", "model", prompts=Prompts("q: ")),
        EndpointSettings("https://host/v1", "model", max_tokens=100),
    ]
    fingerprints = {EndpointEncoder(settings).fingerprint for settings in [base, *others]}
    assert len(fingerprints) == 5
    slow = EndpointSettings("https://host/v1/", "model", timeout=1, key_variable="A_API_KEY")
    assert EndpointEncoder(slow).fingerprint == EndpointEncoder(base).fingerprint


def test_a_loaded_encoder_sends_nothing_until_it_is_served(server, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("PENNYWEIGHT_ENDPOINT_KEY", KEY)
    made = encoder_at(server)
    made.save(tmp_path)
    assert KEY not in (tmp_path / "endpoint.json").read_text()
    loaded = EndpointEncoder.load(tmp_path)
    assert (loaded.fingerprint, loaded.dim) == (made.fingerprint, DIM)
    assert not loaded.encode_queries(["shoe"]).any()
    assert "search without test-model" in caplog.text
    assert not loaded.prepare_queries(["shoe"])
    with pytest.raises(EndpointError, match="fit again"):
        loaded.encode(["shoe"])
    assert not server.requests
    loaded.serve(query_timeout=60.0)
    assert not loaded.encode_queries(["shoe"]).any()  # not prepared: no request
    assert loaded.prepare_queries(["shoe", "red shoe"]) and loaded.prepare_queries(["shoe"])
    np.testing.assert_allclose(loaded.encode_queries(["shoe"]), expected(["shoe"]), atol=1e-6)
    assert server.texts == ["shoe", "red shoe"]


def test_a_served_encoder_waits_no_longer_than_it_may(server, tmp_path, caplog):
    encoder_at(server).save(tmp_path)
    loaded = EndpointEncoder.load(tmp_path)
    loaded.serve(query_timeout=0.3)
    server.always = Fault(200, None, silent=True)
    assert not loaded.prepare_queries(["shoe"])
    assert loaded.failures == 1 and "without a vector" in caplog.text
    assert not loaded.encode_queries(["shoe"]).any()
    server.always = Fault(400, b"no")
    assert not loaded.encode(["shoe", "boot"]).any()  # new items have no vector
    assert loaded.failures == 3


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"dim": 3}', b'{"dim": "x", "prompts": {}}'])
def test_a_damaged_file_is_refused(tmp_path, damage):
    (tmp_path / "endpoint.json").write_bytes(damage)
    with pytest.raises(BundleError, match="missing or damaged"):
        EndpointEncoder.load(tmp_path)


def test_the_server_behind_a_projection_is_known(server):
    encoder = encoder_at(server)
    projected = ProjectedEncoder.of_vectors(encoder, expected(TEXTS), dim=4)
    assert projected.remote is encoder


def test_fit_saves_vectors_and_serves_without_the_server(server, tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PENNYWEIGHT_ENDPOINT_KEY", KEY)
    server.key = KEY
    plan = Plan().override({"encoder.name": server.address, "encoder.model": "test-model"})
    made = fit(small_shop.items(), small_shop.events(), plan=plan, scorers=["content", "tower"])
    assert made.report.encoder_ablation is not None  # what the model adds was measured
    titles = small_shop.items()["title"].to_list()
    assert [server.texts.count(title) for title in titles] == [1] * 30  # for all fits
    bundle = tmp_path / "bundle"
    made.save(bundle)
    assert not [text for text in server.texts if text in ("tea", "coffee")]  # no measured search
    stored = b"".join(path.read_bytes() for path in bundle.rglob("*") if path.is_file())
    assert KEY.encode() not in stored
    sent = len(server.requests)
    loaded = Recommender.load(bundle)
    user = small_shop.events()["user_id"][0]
    assert len(loaded.recommend(user=user, k=3)) == 3
    assert len(loaded.recommend(text="tea", k=3)) == 3  # by the words of the tower
    assert len(server.requests) == sent


def test_a_model_must_be_named(server):
    with pytest.raises(PlanError, match="--encoder-model"):
        evaluate(small_shop.items(), small_shop.events(), encoder=server.address)
    with pytest.raises(PlanError, match="a query"):
        evaluate(small_shop.items(), small_shop.events(), encoder="https://host/v1?key=1")


def test_answers_are_bounded(server, monkeypatch):
    from pennyweight.encoders import endpoint_client

    monkeypatch.setattr(endpoint_client, "MAX_BYTES", 1_000)
    server.always = Fault(200, json.dumps({"data": "x" * 2_000}).encode())
    with pytest.raises(EndpointError, match="longer than"):
        encoder_at(server).encode(["shoe"])


def test_a_server_that_asks_for_a_long_wait_is_told_of(server):
    server.always = Fault(429, headers={"Retry-After": "3600"})
    with pytest.raises(EndpointError, match="asks to wait 3600 s"):
        encoder_at(server).encode(["shoe"])


def test_the_option_of_the_budget():
    plan = Options(encoder_budget="money=5, price=0.02").over(Plan()).encoder
    assert (plan.budget_money, plan.token_price, plan.budget_tokens) == (5.0, 0.02, None)
    assert Options(encoder_budget="tokens=0").over(Plan()).encoder.budget_tokens == 0
    for wrong in ("5", "tokens=1.5", "euros=3", "tokens=-1"):
        with pytest.raises(PlanError, match="budget"):
            Options(encoder_budget=wrong).over(Plan())


@pytest.fixture
def certificate(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, path = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(path)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return path, key


def test_certificates_are_checked(certificate, monkeypatch):
    path, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key)
    with embedding_server(context=context) as server:
        with pytest.raises(EndpointError, match=r"certificate is not valid \(self-signed") as error:
            encoder_at(server).encode(["shoe"])
        assert "tries" not in str(error.value) and not server.requests
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        np.testing.assert_allclose(
            encoder_at(server).encode(["shoe"]), expected(["shoe"]), atol=1e-6
        )
        server.always = Fault(200, None, silent=True)
        with pytest.raises(EndpointError, match=r"not complete within 0\.5 s"):
            encoder_at(server, timeout=0.5, attempts=1).encode(["shoe"])
        monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens
        with pytest.raises(EndpointError, match="no answer"):
            encoder_at(server, attempts=1).encode(["shoe"])


@pytest.mark.parametrize("text", ["", "price=1", "money=1,price=0"])
def test_a_budget_without_a_limit_is_refused(text):
    with pytest.raises(PlanError, match="budget"):
        plan = Options(encoder_budget=text).over(Plan()).encoder
        TokenBudget(plan.budget_tokens, plan.budget_money, plan.token_price)
