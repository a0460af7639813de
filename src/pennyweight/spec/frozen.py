"""What all settings and results share: frozen, unknown keys refused, errors in plain words."""

from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

__all__ = ["Frozen", "refusal"]


class Frozen(BaseModel):
    """A value that cannot change and has no keys but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def refusal(error: ValidationError, model: type[BaseModel], source: str) -> str:
    """Say what is wrong with a value: where it was read, which key, and the way out."""
    lines = []
    for detail in error.errors(include_url=False):
        path = [str(part) for part in detail["loc"]]
        where, found = ".".join(path), repr(detail["input"])
        if detail["type"] == "extra_forbidden":
            valid = _keys(model, path[:-1])
            near = get_close_matches(path[-1], valid, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            lines.append(f"unknown key {where!r}; {hint}Valid here: {', '.join(valid)}")
        elif not path:
            lines.append(detail["msg"])
        else:
            shown = found if len(found) <= 80 else found[:77] + "..."
            lines.append(f"{where} = {shown}: {detail['msg']}")
    return f"{source}: " + "\n  ".join(lines)


def _keys(model: type[BaseModel], parents: list[str]) -> list[str]:
    for name in parents:
        if name in model.model_fields:  # otherwise a key of a mapping, or a list's position
            model = _model_in(model.model_fields[name].annotation) or model
    return list(model.model_fields)


def _model_in(kind: Any) -> type[BaseModel] | None:  # noqa: ANN401 - an annotation is any object
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next(filter(None, map(_model_in, get_args(kind))), None)
