import asyncio
import json
from http import HTTPStatus

import httpx
import pytest
from fastapi import FastAPI
from protected_app import ask
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

from pennyweight import errors
from pennyweight.errors import PennyweightError
from pennyweight.serving.http.problems import (
    KINDS,
    MEDIA_TYPE,
    Refusal,
    answer,
    answer_errors,
    invalid,
)


class Wish(BaseModel, extra="forbid"):
    history: list[int] = Field(max_length=100)
    k: int = 10


def service() -> FastAPI:
    app = FastAPI()
    answer_errors(app)

    @app.post("/wish")
    async def wish(wish: Wish) -> int:
        return wish.k

    @app.get("/raise/{name}")
    async def fail(name: str) -> None:
        if name == "Refusal":
            raise Refusal(429, "too often", {"Retry-After": "3"})
        raise getattr(errors, name)("what, the value, and the remedy")

    return app


def body(response) -> dict[str, object]:
    content = response.body if hasattr(response, "body") else response.content
    assert response.headers["content-type"] == MEDIA_TYPE
    problem = json.loads(content)
    assert problem["status"] == response.status_code
    assert {"type", "title", "status", "detail"} <= problem.keys()
    return problem


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("UnknownIdError", 404, "/docs#unknown-id"),
        ("DataError", 422, "/docs#data"),
        ("PlanError", 422, "/docs#setting"),
        ("BudgetError", 507, "/docs#budget"),
        ("BundleError", 409, "/docs#bundle"),
    ],
)
def test_an_error_of_the_tree_is_told_by_the_table(name, status, kind):
    problem = body(ask(service(), "GET", f"/raise/{name}"))
    assert (problem["status"], problem["type"]) == (status, kind)
    assert problem["detail"] == "what, the value, and the remedy"


def test_every_class_of_the_tree_has_a_row_or_is_a_fault():
    tree = {
        kind for kind in PennyweightError.__subclasses__() if kind.__module__ == errors.__name__
    }
    faults = {"EndpointError", "MissingExtraError", "TrainingError"}
    assert {kind.__name__ for kind in tree - KINDS.keys()} == faults


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("/secret/path"),
        errors.TrainingError("/secret/path"),
        errors.EndpointError("/secret/path"),
        errors.MissingExtraError("/secret/path", "extra"),
        OSError(28, "full", "/secret/path"),
    ],
)
def test_a_fault_tells_nothing_but_its_id(error):
    problem = body(answer(error, "abc"))
    assert problem["status"] == 500 and problem["request_id"] == "abc"
    assert problem["type"] == "about:blank" and problem["title"] == "Internal Server Error"
    assert "secret" not in json.dumps(problem) and "Error" not in problem["detail"]


def test_a_subclass_is_told_as_its_parent():
    class NoSuchUser(errors.UnknownIdError):
        pass

    assert body(answer(NoSuchUser("who")))["status"] == 404


def test_http_exceptions_keep_their_status_and_headers():
    response = answer(HTTPException(405, headers={"Allow": "GET"}))
    assert body(response)["title"] == "Method Not Allowed" and response.headers["allow"] == "GET"
    assert answer(HTTPException(304)).body == b""
    assert body(answer(HTTPException(599, "odd")))["title"] == "Error"
    refused = ask(service(), "GET", "/raise/Refusal")
    assert refused.headers["retry-after"] == "3" and body(refused)["detail"] == "too often"


def test_no_route_and_a_wrong_method():
    assert body(ask(service(), "GET", "/nowhere"))["title"] == "Not Found"
    wrong = ask(service(), "GET", "/wish")
    assert body(wrong)["status"] == 405 and wrong.headers["allow"] == "POST"


def post(content: str) -> dict[str, object]:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(service())
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            head = {"content-type": "application/json"}
            return await http.post("/wish", content=content, headers=head)

    return body(asyncio.run(send()))


def test_wrong_fields_are_named_and_their_values_are_not_repeated():
    problem = post('{"history": ["swordfish"], "k": "swordfish", "more": 1}')
    assert problem["status"] == 422 and problem["type"] == "/docs#invalid-request"
    fields = {row["field"]: row["message"] for row in problem["errors"]}
    assert fields.keys() == {"body.history.0", "body.k", "body.more"}
    assert fields["body.k"] == "must be a whole number"
    assert fields["body.more"] == "is unknown here"
    assert "body.k must be a whole number" in problem["detail"] and "swordfish" not in json.dumps(
        problem
    )


@pytest.mark.parametrize(
    "content",
    [
        '{"history": [' + ",".join(['"a"'] * 100) + "]}",
        '{"history": [], "' + "n" * 100_000 + '": 1}',
        '{"history": [], "k": "' + "v" * 100_000 + '"}',
        "{" + "[" * 100_000,
        "not json",
    ],
)
def test_an_answer_is_short_whatever_was_sent(content):
    problem = post(content)
    assert problem["status"] in (400, 422)
    assert len(json.dumps(problem)) < 5_000 and len(problem.get("errors", [])) <= 20


def test_a_long_id_is_cut():
    problem = body(answer(errors.UnknownIdError(f"no item {'x' * 1_000_000}")))
    assert len(problem["detail"]) == 1_000 and problem["detail"].endswith("…")


def test_half_a_character_can_be_told():
    assert body(answer(errors.UnknownIdError("no item '\ud800'")))["status"] == 404


def test_a_route_that_reads_its_body_itself_tells_the_same():
    with pytest.raises(ValidationError) as caught:
        Wish.model_validate_json('{"history": ["swordfish"]}')
    problem = body(answer(invalid(caught.value), "abc"))
    assert problem["errors"] == [{"field": "history.0", "message": "must be a whole number"}]
    assert problem["type"] == "/docs#invalid-request" and problem["status"] == 422


def test_statuses_and_anchors_of_the_table_are_sound():
    assert all(HTTPStatus(kind.status) and kind.title for kind in KINDS.values())
    assert len({kind.anchor for kind in KINDS.values()}) == len(KINDS)
