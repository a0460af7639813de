"""The base of settings and results: frozen, unknown keys refused, errors in plain words."""

from collections.abc import Iterable
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, model_validator

from pennyweight.config.column_roles import COLUMN_ROLES
from pennyweight.config.messages import plain_words
from pennyweight.errors import BundleError, did_you_mean

__all__ = ["FrozenModel", "VersionedModel", "refusal"]

RESULT_VERSION: Literal[2] = 2  # of results in JSON


# Names of an object in JSON.
_TOML = {"model_type": "must be a table", "dict_type": "must be a table"}


class FrozenModel(BaseModel):
    """A value that cannot change and has no keys but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes, *, source: str | None = None) -> Self:
        """Read JSON; `BundleError` naming `source` and the key when it is not one of these."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise BundleError(refusal(error, cls, source or cls.__name__.lower())) from None

    def to_json(self) -> str:
        """Return it as JSON; keys without a value are left out."""
        return self.model_dump_json(indent=2, exclude_none=True) + "\n"


class VersionedModel(FrozenModel):
    """A result with the version of its form; another version is refused with a remedy."""

    format_version: Literal[2] = RESULT_VERSION

    @model_validator(mode="before")
    @classmethod
    def _check_version(cls, fields: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 - any JSON
        if info.mode == "json" and isinstance(fields, dict):
            version = fields.get("format_version", 1)  # the first version has no such key
            if version != RESULT_VERSION:
                raise ValueError(
                    f"format version {version!r}; this version of pennyweight reads "
                    f"{RESULT_VERSION}: measure again, or install the version that wrote it"
                )
        return fields


def refusal(error: ValidationError, model: type[BaseModel], source: str) -> str:
    """Describe an invalid value: its source, its key, and the remedy."""
    lines: list[str] = []
    problems: dict[str, list[str]] = {}  # of one value, which may have been tried as several types
    for detail in error.errors(include_url=False):
        path = _path(detail["loc"])
        where, value = ".".join(path), repr(detail["input"])
        if detail["type"] == "extra_forbidden":
            valid = _keys(model, path[:-1])
            suggestion = _place_of(path, model) or did_you_mean(path[-1], valid)
            lines.append(f"unknown key {where!r}{suggestion} Valid here: {', '.join(valid)}")
        elif not path:
            lines.append(plain_words(detail))
        else:
            short = value if len(value) <= 80 else value[:77] + "..."
            message = _TOML.get(detail["type"]) or plain_words(detail)
            problems.setdefault(f"{where} = {short}: ", []).append(message)
    lines += [where + "; or: ".join(messages) for where, messages in problems.items()]
    return f"{source}: " + "\n  ".join(lines)


def _path(location: Iterable[int | str]) -> list[str]:
    """Return the keys that lead to a value, without the types of a union that were tried."""
    path = [str(part) for part in location if "[" not in str(part)]
    return path[:-1] if path and path[-1].startswith("constrained-") else path


def _place_of(path: list[str], model: type[BaseModel]) -> str | None:
    """Suggest the place of a key that stands in another table, or that is an option's name."""
    *parents, name = path
    role = name.removesuffix("_column")
    if parents == ["data"] and role != name and role in COLUMN_ROLES:
        return f'; write columns = {{ {role} = "NAME" }}.'
    homes = [
        table
        for table in model.model_fields
        if name in _keys(model, [table]) and _model_in(model.model_fields[table].annotation)
    ]
    return f"; it belongs in {' or '.join(f'[{table}]' for table in homes)}." if homes else None


def _keys(model: type[BaseModel], parents: list[str]) -> list[str]:
    for name in parents:
        if name in model.model_fields:  # otherwise a key of a mapping, or a list's position
            model = _model_in(model.model_fields[name].annotation) or model
    return list(model.model_fields)


def _model_in(kind: Any) -> type[BaseModel] | None:  # noqa: ANN401 - an annotation is any object
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next(filter(None, map(_model_in, get_args(kind))), None)
