import io
import json
import logging
import os
import re
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st
from protected_app import Shop, application, ask, bearer

from pennyweight.serving import logs
from pennyweight.serving.http.request_middleware import HandledRequest
from pennyweight.serving.security.guard import protected


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_request_is_one_line_without_its_path(tmp_path):
    shop, stream = Shop(tmp_path), io.StringIO()
    log = logs.RequestLog(stream)
    app = protected(application(), keys=shop.ring, observers=[log.answered], make_id=lambda: "7")
    ask(app, "GET", "/v1/users/jane?email=jane", **bearer(shop.secrets["admin"]))
    ask(app, "GET", "/jane")
    first, second = lines(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("time"))
    assert first.pop("ms") > 0
    assert first == {
        "level": "info",
        "event": "request",
        "request_id": "7",
        "method": "GET",
        "route": "/v1/users/{user_id}",
        "status": 200,
        "key": "admin",
    }
    assert (second["route"], second["status"], second["key"]) == ("unrouted", 401, None)
    assert "jane" not in stream.getvalue()
    assert all(secret not in stream.getvalue() for secret in shop.secrets.values())


def test_a_fault_is_two_lines_one_with_where_it_happened():
    stream = io.StringIO()
    app = protected(application(), observers=[logs.RequestLog(stream).answered])
    with logs.json_lines(stream):
        ask(app, "GET", "/broken")
    fault, request = lines(stream)
    assert fault["error"] == "RuntimeError" and "in broken" in fault["traceback"]
    assert request["level"] == "error" and request["status"] == 500
    assert fault["request_id"] == request["request_id"]


def test_events_of_the_service_are_lines():
    stream = io.StringIO()
    with logs.json_lines(stream):
        logs.event("start", {"port": 8000, "keys": {"a"}})
        logs.event("stop")
        logging.getLogger("uvicorn.error").info("Uvicorn running on %s", "http://x")
    start, stop, server = lines(stream)
    assert (start["event"], start["port"], start["keys"]) == ("start", 8000, "{'a'}")
    assert stop["event"] == "stop" and server["event"] == "Uvicorn running on http://x"


def test_text_cannot_make_a_line_of_its_own():
    stream = io.StringIO()
    with logs.json_lines(stream):
        logs.event('a\n{"event": "forged"}', {"b": "\n\u2028\x1b"})
    assert len(stream.getvalue().splitlines()) == 1 and stream.getvalue().isascii()


@given(st.text(), st.text(), st.text(), st.none() | st.text())
def test_a_request_is_one_line_whatever_it_is_called(name, method, route, key):
    stream = io.StringIO()
    logs.RequestLog(stream, clock=lambda: 0.5).answered(
        HandledRequest(name, method, route, 503, 0.0012345, key)
    )
    assert stream.getvalue().endswith("\n") and stream.getvalue().isascii()
    assert lines(stream) == [
        {
            "time": "1970-01-01T00:00:00.500Z",
            "level": "error",
            "event": "request",
            "request_id": name,
            "method": method,
            "route": route,
            "status": 503,
            "ms": 1.234,
            "key": key,
        }
    ]


def test_a_log_that_cannot_be_written_stops_no_request():
    with open("/dev/full", "w") as full, open(os.devnull, "w") as nowhere:
        app = protected(application(), observers=[logs.RequestLog(full).answered])
        assert ask(app, "GET", "/").status_code == 200
        os.dup2(nowhere.fileno(), full.fileno())  # or closing it would fail


def test_times_are_those_of_the_records():
    formatter = logs.JsonLines()
    record = logging.LogRecord("x", logging.INFO, "", 0, "a %s", ("b",), None)
    for created, text in ((0.0, "1970-01-01T00:00:00.000Z"), (1.9995, "1970-01-01T00:00:01.999Z")):
        record.created = created
        assert json.loads(formatter.format(record))["time"] == text
    assert json.loads(formatter.format(record))["event"] == "a b"


def test_earlier_logging_settings_are_restored():
    names = [*logs.LOGGERS, "pennyweight.serving"]
    before = [(log.handlers[:], log.level, log.propagate) for log in map(logging.getLogger, names)]
    with logs.json_lines(io.StringIO(), level=logging.ERROR):
        logs.event("start")
    after = [(log.handlers[:], log.level, log.propagate) for log in map(logging.getLogger, names)]
    assert after == before


def test_importing_sets_up_no_logging():
    code = (
        "import logging, pennyweight.serving.logs, pennyweight.serving.security.guard\n"
        "found = [logging.getLogger(n) for n in ('', 'pennyweight', 'pennyweight.serving')]\n"
        "print([(log.handlers, log.propagate) for log in found])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "[([], True), ([], True), ([], True)]"
