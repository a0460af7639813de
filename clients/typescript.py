"""Makes the client in TypeScript from the OpenAPI document of the service.

python clients/typescript.py           write clients/typescript/pennyweight.ts
python clients/typescript.py --check   fail if it differs
"""

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))
from routes import document  # noqa: E402

TARGET = Path(__file__).with_name("typescript") / "pennyweight.ts"
BASE = Path(__file__).with_name("typescript") / "base.ts.txt"
# Calls that may reach the service twice without a second effect, beside those of GET.
SAFE = {
    "recommend_with_boosts",
    "recommend_session",
    "search",
    "rank",
    "send_events",
    "put_item",
    "change_item",
    "put_items",
}
READY = "ready"  # answers 503 with a status, which is no problem
PLAIN = {"integer": "number", "number": "number", "string": "string", "boolean": "boolean"}
LINES = "application/x-ndjson"


def type_of(schema: dict[str, Any]) -> str:
    """Return a schema as a type."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1])
    if forms := schema.get("anyOf") or schema.get("oneOf"):
        return " | ".join(dict.fromkeys(type_of(form) for form in forms))
    if "const" in schema:
        return repr(schema["const"]).replace("'", '"')
    kind = schema.get("type")
    if kind == "null":
        return "null"
    if kind == "array":
        inner = type_of(schema.get("items", {}))
        return f"({inner})[]" if " " in inner else f"{inner}[]"
    if kind == "object" and "properties" in schema:
        return "{ " + " ".join(f"{line};" for line in fields(schema)) + " }"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"Record<string, {type_of(values) if isinstance(values, dict) else 'JsonValue'}>"
    return PLAIN.get(str(kind), "JsonValue")


def fields(schema: dict[str, Any]) -> list[str]:
    """Return the fields of an object."""
    required = schema.get("required", [])
    return [
        f"{name}{'' if name in required else '?'}: {type_of(field)}"
        for name, field in schema["properties"].items()
    ]


def interface(name: str, schema: dict[str, Any]) -> str:
    """Return an interface for a schema."""
    lines = "".join(f"  {line};\n" for line in fields(schema))
    return f"{comment(schema.get('description', ''))}export interface {name} {{\n{lines}}}\n"


def comment(text: str, indent: str = "") -> str:
    """Return a description as a comment."""
    if not text:
        return ""
    lines = text.strip().splitlines()
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    body = "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"


def camel(name: str) -> str:
    """Return a name as TypeScript writes it."""
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def method(path: str, verb: str, spec: dict[str, Any]) -> str:
    """Return the method of an operation."""
    name, places = spec["operationId"], list[str]()
    for parameter in spec.get("parameters", []):
        if parameter["in"] == "path":
            places.append(f"{camel(parameter['name'])}: {type_of(parameter['schema'])}")
            path = path.replace(f"{{{parameter['name']}}}", f"${{id({camel(parameter['name'])})}}")
    options = [f'method: "{verb.upper()}"', f"path: `{path}`"]
    if "requestBody" in spec:
        schema = spec["requestBody"]["content"]["application/json"]["schema"]
        places.append(f"body: {type_of(schema)}")
        options.append("body: withEventIds(body)" if name == "send_events" else "body")
    query = [p for p in spec.get("parameters", []) if p["in"] == "query"]
    if query:
        kinds = "; ".join(f"{p['name']}?: {type_of(p['schema'])}" for p in query)
        places.append(f"query: {{ {kinds} }} = {{}}")
        options.append("query")
    if verb == "get" or name in SAFE:
        options.append("safe: true")
    if name == READY:
        options.append("expected: [503]")
    content = spec["responses"]["200"]["content"]
    head = f"{comment(spec.get('description', ''), '  ')}  {camel(name)}({', '.join(places)})"
    call = f"{{ {', '.join(options)} }}"
    if LINES in content:
        kind = type_of(content[LINES]["schema"])
        return f"{head}: AsyncGenerator<{kind}> {{\n    return this.lines({call});\n  }}\n"
    if "application/json" not in content:
        return f"{head}: Promise<string> {{\n    return this.text({call});\n  }}\n"
    kind = type_of(content["application/json"]["schema"])
    return f"{head}: Promise<{kind}> {{\n    return this.json({call});\n  }}\n"


def client(api: dict[str, Any]) -> str:
    """Return the source of the client: the routes outside `/api`, and their schemas."""
    methods = [
        method(path, verb, spec)
        for path, verbs in api["paths"].items()
        for verb, spec in verbs.items()
        if not path.startswith("/api/")
    ]
    schemas = api["components"]["schemas"]
    used, queue = set[str](), ["Problem", *re.findall(r"\b[A-Z]\w+\b", "".join(methods))]
    while queue:
        name = queue.pop()
        if name in schemas and name not in used and "properties" in schemas[name]:
            used.add(name)
            queue += re.findall(r"\b[A-Z]\w+\b", " ".join(fields(schemas[name])))
    interfaces = [interface(name, schemas[name]) for name in sorted(used)]
    base = BASE.read_text(encoding="utf-8")
    return base.replace("// INTERFACES\n", "\n".join(interfaces)).replace(
        "  // METHODS\n", "\n".join(methods)
    )


def main() -> None:
    """Write the client, or compare it."""
    text = client(document())
    if "--check" not in sys.argv:
        TARGET.write_text(text, encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text:
        sys.exit(f"{TARGET}: differs; write it again: python clients/typescript.py")


if __name__ == "__main__":
    main()
