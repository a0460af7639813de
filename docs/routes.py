"""Writes docs/reference-http.md from the OpenAPI document of the service.

python docs/routes.py           write it
python docs/routes.py --check   say whether it is as it would be written
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from pennyweight.serving.http.app import make_api
from pennyweight.serving.http.metrics import Metrics
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.stores.sqlite import SQLiteStore

PAGE = Path(__file__).with_name("reference-http.md")
HEAD = """# HTTP

The routes of `pennyweight serve`. A running service has this reference with forms at `/docs`, and
as an OpenAPI document at `/openapi.json`. Bodies are JSON, unknown fields are refused, ids in
paths are percent-encoded, times are epoch seconds or ISO 8601. Errors are
`application/problem+json` ([guide](guide-serving.md#protection)). `*` marks required fields.
"""
TITLES = {
    "lists": "Lists",
    "feeds": "Events and items",
    "users": "Users",
    "bundles": "Bundles",
    "experiments": "Experiments",
    "health": "Health",
    "as Gorse": "As Gorse",
}


def document() -> dict[str, Any]:
    """Return the document of the API; nothing is served for it."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(
            SQLiteStore(Path(folder) / "s.sqlite"), BundleStore(Path(folder) / "bundles")
        )
        try:
            return make_api(engine, Metrics()).openapi()
        finally:
            engine.close()


def kind_of(schema: dict[str, Any]) -> str:
    """Say a type in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1])
    if "anyOf" in schema:
        kinds = [kind_of(one) for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if schema.get("type") == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    if "const" in schema:
        return repr(schema["const"])
    names = {"integer": "integer", "string": "string", "boolean": "boolean"}
    return names.get(str(schema.get("type")), str(schema.get("type", "any")))


def fields(schemas: dict[str, Any], schema: dict[str, Any]) -> str:
    """List the fields of an object."""
    forms = schema.get("anyOf") or schema.get("oneOf")
    if forms:
        return "; or ".join(fields(schemas, one) for one in forms)
    if schema.get("type") == "array":
        return "a list of " + fields(schemas, schema["items"])
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    required = schema.get("required", [])
    names = [
        f"`{name}`{'*' if name in required else ''} {kind_of(field)}"
        for name, field in schema.get("properties", {}).items()
    ]
    return ", ".join(names) or kind_of(schema)


def operation(path: str, method: str, spec: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    """Return the lines about one method of a path."""
    lines = [f"**`{method.upper()} {path}`** {spec.get('description', '')}", ""]
    query = [p for p in spec.get("parameters", []) if p["in"] in ("query", "header")]
    if query:
        parameters = ", ".join(f"`{p['name']}` {kind_of(p['schema'])}" for p in query)
        lines.append(f"- query: {parameters}")
    if "requestBody" in spec:
        schema = spec["requestBody"]["content"]["application/json"]["schema"]
        lines.append(f"- body: {fields(schemas, schema)}")
    content = spec["responses"]["200"].get("content", {})
    if "application/json" in content:
        lines.append(f"- response: {fields(schemas, content['application/json']['schema'])}")
    return [*lines, ""]


def page(api: dict[str, Any]) -> str:
    """Return the whole page."""
    schemas = api["components"]["schemas"]
    lines = [HEAD]
    used: set[str] = set()
    for tag, title in TITLES.items():
        lines.append(f"## {title}\n")
        for path, methods in api["paths"].items():
            for method, spec in methods.items():
                if tag in spec.get("tags", []):
                    lines += operation(path, method, spec, schemas)
    text = "\n".join(lines)
    lines = ["## Schemas\n"]
    queue = [name for name in schemas if name in text]
    while queue:
        name = queue.pop(0)
        if name in used or name in ("Problem", "HTTPValidationError", "ValidationError"):
            continue
        used.add(name)
        schema = schemas[name]
        lines.append(
            f"- **{name}**: {schema.get('description', '').splitlines()[0]} "
            f"{fields(schemas, schema)}"
        )
    return text + "\n" + "\n".join(lines) + "\n"


def main() -> None:
    """Write the page, or compare it."""
    text = page(document())
    if "--check" not in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE} is not as the service is; write it anew: python docs/routes.py")


if __name__ == "__main__":
    main()
