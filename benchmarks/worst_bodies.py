"""Requests as bad as they can be made, for every route that the service's own document names."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote

__all__ = ["BODY_BYTES", "Request", "largest_bodies", "requests", "shapes", "wrong_bodies"]

Schema = Mapping[str, Any]

BODY_BYTES = 4 << 20  # of a body at most
HEAD_BYTES = 60_000  # of a path or a query that the head of a request has room for
FIELDS_DEEP = 3
FRAME = 200  # maximum bytes around a shape
WITHIN = (  # shapes that pass the reading of JSON, or cost most there
    "numbers",
    "one long text beyond the basic plane",
    "one long text of escapes",
    "deep, but not too deep to parse",
    "a list at the bound",
    "objects at the bound of values",
    "names at the bound",
)
IDS = {"user_id": "u1", "item_id": "i1", "name": "x"}  # others of the path: "x"
FILTERS = (
    " or ".join(f'title contains "tea{i}"' for i in range(80))[:1_990] + '"',
    " or ".join(f"price < {i}" for i in range(150)),
    f"price in [{', '.join(map(str, range(400)))}]",
    "(" * 49 + "price < 1" + ")" * 49,
    "not " * 49 + "price < 1",
    f"price < {'9' * 309}",
    f"price < {'1' * 1_900}x",
    f"{'a' * 1_900} == 1",
)


class Request(NamedTuple):
    """A request: its route, its fault, method, target, body and content type."""

    route: str
    fault: str
    method: str
    target: str
    body: bytes = b""
    kind: str = "application/json"

    def wire(self, headers: str = "") -> bytes:
        """Return the bytes to send."""
        head = f"{self.method} {self.target} HTTP/1.1\r\nHost: localhost\r\n{headers}"
        if self.body:
            head += f"Content-Type: {self.kind}\r\nContent-Length: {len(self.body)}\r\n"
        return f"{head}\r\n".encode() + self.body


@cache
def shapes(nbytes: int) -> dict[str, bytes]:
    """Return JSON that is costly to read, by a name of the cost."""

    def listed(value: bytes) -> bytes:
        return b"[" + b",".join([value] * ((nbytes - 2) // (len(value) + 1))) + b"]"

    def numbered(form: str, size: int) -> bytes:
        return b",".join((form % i).encode() for i in range(nbytes // size))

    room = nbytes - 2
    return {
        "empty objects": listed(b"{}"),
        "empty lists": listed(b"[]"),
        "numbers": listed(b"1"),
        "short texts": listed(b'"a"'),
        "numbers of 309 digits": listed(b"9" * 309),
        "numbers of 4,000 digits": listed(b"9" * 4_000),
        "infinite numbers": listed(b"1e999"),
        "halves of surrogate pairs": listed(b'"\\ud800"'),
        "surrogate pairs": listed(b'"\\ud83d\\ude00"'),
        "lists in lists": b"[" * room,
        "objects in objects": b'{"a":' * (room // 5),
        "deep, but not too deep to parse": b"[" * 900 + b"]" * 900,
        "many names": b"{" + numbered('"%07d":1', 12) + b"}",
        "names that repeat": b"{" + b'"a":1,' * (room // 6 - 1) + b'"a":1}',
        "one long text": b'"' + b"a" * (room - 2) + b'"',
        "one long text beyond the basic plane": b'"' + "😀".encode() * (room // 4 - 1) + b'"',
        "one long text of commas": b'"' + b"," * (room - 2) + b'"',
        "one long text of escapes": b'"' + b"\\n" * (room // 2 - 1) + b'"',
        "one long text of surrogate pairs": b'"' + b"\\ud83d\\ude00" * (room // 12 - 1) + b'"',
        "a list at the bound": b"[" + numbered('"%04d"', 7)[: 7 * 1_000 - 1] + b"]",
        "names at the bound": b"{" + numbered('"%07d":1', 12)[: 12 * 1_000 - 1] + b"}",
        "numbers at the bound of values": listed(b"1")[:99_980] + b"1]",
        "objects at the bound of values": listed(b"{}")[: 3 * 24_000] + b"{}]",
    }


def wrong_bodies(
    schema: Schema, schemas: Mapping[str, Schema], nbytes: int, deep: int = FIELDS_DEEP
) -> Iterator[tuple[str, bytes]]:
    """Yield each shape at each place of a body, with its name."""
    for before, after in _places(schema, schemas, deep):
        where = before.decode() or "body"
        for name, shape in shapes(nbytes - FRAME).items():
            if not before or name in WITHIN:
                yield f"{name} at {where}", before + shape + after


def largest_bodies(
    schema: Schema, schemas: Mapping[str, Schema], nbytes: int
) -> Iterator[tuple[str, bytes]]:
    """Yield bodies that a schema lets through, each as large as one field makes it."""
    for form in _forms(schema, schemas):
        if form.get("type") == "array":
            yield "the longest list", _cut_list(form, schemas, nbytes)
            continue
        required = {
            name: _small(field, schemas)
            for name, field in form.get("properties", {}).items()
            if name in form.get("required", ())
        }
        for name, field in form.get("properties", {}).items():
            for short in (True, False):
                value = _large(field, schemas, nbytes - 2_000, short=short)
                length = "short" if short else "long"
                yield (
                    f"{name} as large as may be, {length} texts",
                    json.dumps(required | {name: value}).encode(),
                )


def requests(
    document: Mapping[str, Any], nbytes: int = BODY_BYTES, deep: int = FIELDS_DEEP
) -> Iterator[Request]:
    """Yield the requests for each route of an OpenAPI document."""
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        target = path
        for name in [part.split("}")[0] for part in path.split("{")[1:]]:
            target = target.replace(f"{{{name}}}", IDS.get(name, "x"))
        for method, operation in methods.items():
            verb, route = method.upper(), f"{method.upper()} {path}"
            yield from _bad_targets(route, verb, path, target, operation)
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" not in content:
                unread = b"[" + b"{}," * (nbytes // 3 - 2) + b"{}]"
                yield Request(route, "a body that is not read", verb, target, unread)
                continue
            schema = content["application/json"]["schema"]
            for fault, body in wrong_bodies(schema, schemas, nbytes, deep):
                yield Request(route, fault, verb, target, body)
            for fault, body in largest_bodies(schema, schemas, nbytes):
                yield Request(route, fault, verb, target, body)


def _bad_targets(
    route: str, verb: str, path: str, target: str, operation: Mapping[str, Any]
) -> Iterator[Request]:
    for name, query in {
        "parameters": "a&" * (HEAD_BYTES // 2),
        "parameters of different names": "&".join(f"p{i}=1" for i in range(HEAD_BYTES // 8)),
        "percent signs": "a=" + "%41" * (HEAD_BYTES // 3),
        "no UTF-8": "a=%ED%A0%80",
    }.items():
        yield Request(route, name, verb, f"{target}?{query}")
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query":
            name = parameter["name"]
            yield Request(route, f"a long {name}", verb, f"{target}?{name}={'9' * HEAD_BYTES}")
            many = "&".join([f"{name}=a"] * (HEAD_BYTES // (len(name) + 3)))
            yield Request(route, f"many {name}", verb, f"{target}?{many}")
        if parameter["name"] == "filter":
            for text in FILTERS:
                yield Request(route, "a filter", verb, f"{target}?n=1000&filter={quote(text)}")
    if "{" in path:
        start = path.split("{")[0]
        yield Request(route, "a long id", verb, start + "a" * HEAD_BYTES)
        yield Request(route, "slashes and a line break", verb, start + "/" * 50_000 + "%0A")
        yield Request(route, "an id that is no UTF-8", verb, start + "%ED%A0%80" * 100)


def _forms(schema: Schema, schemas: Mapping[str, Schema]) -> list[Schema]:
    """Return the forms that a schema allows, references followed."""
    if "$ref" in schema:
        return _forms(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas)
    several = schema.get("anyOf") or schema.get("oneOf")
    if several:
        return [form for option in several for form in _forms(option, schemas)]
    return [schema]


def _places(
    schema: Schema, schemas: Mapping[str, Schema], deep: int
) -> Iterator[tuple[bytes, bytes]]:
    """Yield what stands before and after each place where a value can be."""
    yield b"", b""
    if not deep:
        return
    for form in _forms(schema, schemas):
        if form.get("type") == "array":
            for before, after in _places(form.get("items", {}), schemas, deep - 1):
                yield b"[" + before, after + b"]"
        for name, field in form.get("properties", {}).items():
            for before, after in _places(field, schemas, deep - 1):
                yield b'{"%s":' % name.encode() + before, after + b"}"
        if form.get("type") == "object" and not form.get("properties"):
            yield b'{"title":', b"}"


def _small(schema: Schema, schemas: Mapping[str, Schema]) -> Any:  # noqa: ANN401
    form = _forms(schema, schemas)[0]
    if form.get("type") == "array":
        return [_small(form["items"], schemas)]
    if form.get("type") == "object":
        fields = form.get("properties", {})
        return {name: _small(fields[name], schemas) for name in form.get("required", ())}
    values: dict[str, Any] = {"integer": 1, "number": 1.0, "boolean": True}
    return values.get(form.get("type", ""), "a")


def _large(schema: Schema, schemas: Mapping[str, Schema], nbytes: int, *, short: bool) -> Any:  # noqa: ANN401
    """Return a value that a schema lets through and that is as large as it may be."""
    form = _forms(schema, schemas)[0]
    kind = form.get("type")
    if kind == "array":
        max_items = form.get("maxItems", 10_000)
        item = _large(form["items"], schemas, nbytes // max_items, short=short)
        n = min(max_items, max(1, nbytes // (len(json.dumps(item)) + 2)))
        return [_distinct(item, i) for i in range(n)]
    if kind == "object" and not form.get("properties"):
        return {"title": "a b " * (5 if short else 5_000)}
    if kind == "object":
        fields, required = form["properties"], form.get("required", ())
        return {
            name: _large(fields[name], schemas, nbytes // (len(required) + 1), short=short)
            for name in fields
            if name in required or "items" in name
        }
    if kind == "string":
        return "a" * min(nbytes, 8 if short else form.get("maxLength", 20_000))
    values: dict[str, Any] = {"integer": 1_000, "number": 1.0, "boolean": True}
    return values.get(kind or "", "a" * 8)


def _distinct(value: Any, i: int) -> Any:  # noqa: ANN401
    """Return a value whose texts are other than those of its neighbors in a list."""
    if isinstance(value, str):
        return f"{i:06d}{value}"[: max(len(value), 6)]
    if isinstance(value, dict):
        return {name: _distinct(part, i) for name, part in value.items()}
    return value


def _cut_list(form: Schema, schemas: Mapping[str, Schema], nbytes: int) -> bytes:
    return json.dumps(_large(form, schemas, nbytes, short=True)).encode()
