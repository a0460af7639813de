"""API keys and their scopes, in one file that holds hashes of keys, never a key."""

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

import platformdirs
from pydantic import AwareDatetime, Field, ValidationError, model_validator

from pennyweight.config.frozen import FrozenModel
from pennyweight.config.messages import plain_words
from pennyweight.errors import DataError, PlanError, UnknownIdError, did_you_mean
from pennyweight.storage.files import replacing
from pennyweight.storage.locks import locked
from pennyweight.storage.private import others_may

__all__ = [
    "SCOPES",
    "Key",
    "Keys",
    "Scope",
    "change",
    "digest_of",
    "is_exposed",
    "keys_file",
    "new_key",
]

Scope = Literal["session", "read", "events", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
# Scope -> the scopes that open the same and more.
WIDER: Mapping[Scope, frozenset[Scope]] = {
    "session": frozenset(("session", "read", "admin")),
    "read": frozenset(("read", "admin")),
    "events": frozenset(("events", "admin")),
    "admin": frozenset(("admin",)),
}

PREFIX, BYTES = "pw_", 32
LENGTH = len(PREFIX) + 43  # 32 bytes in base64 without padding
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
REMEDY = "mend or restore it, or remove it and make new keys with `pennyweight keys create`"


class Key(FrozenModel):
    """The entry of a key in the file.

    Attributes
    ----------
    name
        Its name; never secret, shown in logs.
    scopes
        ``session`` asks for lists from a history that it sends, ``read`` also for lists of
        users, ``events`` writes events, ``admin`` may do everything.
    created
        When it was made.
    sha256
        Of the key, in hex. The key is 256 random bits, so there is no list of likely keys
        to try: a slow or salted hash, as passwords need, would only cost time a request.
    """

    name: Annotated[str, Field(pattern=NAME)]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    created: AwareDatetime
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    def may(self, scope: Scope) -> bool:
        """Return whether the key may do everything that needs a scope."""
        return not WIDER[scope].isdisjoint(self.scopes)


class Keys(FrozenModel):
    """The keys of a service; immutable, no two of one name."""

    format: Literal[1] = 1
    keys: tuple[Key, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for field in ("name", "sha256"):
            if len({getattr(key, field) for key in self.keys}) < len(self.keys):
                raise ValueError(f"two keys have the same {field}")
        return self

    @cached_property
    def _by_digest(self) -> dict[str, Key]:
        return {key.sha256: key for key in self.keys}

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a keys file; `DataError` where it is missing, damaged, or others may write it."""
        _refuse_writable(path)
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise DataError(
                f"{path}: no such file; create it with `pennyweight keys create --scope read "
                f"--keys {path}`"
            ) from None
        except ValidationError as error:
            raise DataError(f"{path}: {_first_problem(error)}; {REMEDY}") from None

    def find(self, secret: str) -> Key | None:
        """Return the entry of a key, or None; in the same time for every wrong key."""
        return self.of_digest(digest_of(secret)) if len(secret) == LENGTH else None

    def of_digest(self, digest: str) -> Key | None:
        """Return the key of a sha256.

        A dictionary makes a hundred keys as fast as one. No client can choose the sha256 of a
        guess, so the time of the look-up reveals nothing about the keys; the digest is still
        compared in constant time.
        """
        key = self._by_digest.get(digest)
        return key if key is not None and hmac.compare_digest(key.sha256, digest) else None

    def with_key(self, key: Key) -> "Keys":
        """Return these keys and one more; `PlanError` where its name is taken."""
        if any(key.name == other.name for other in self.keys):
            raise PlanError(f"a key {key.name!r} exists; revoke it first, or choose another name")
        return Keys(keys=(*self.keys, key))

    def without(self, name: str) -> "Keys":
        """Return these keys but one; `UnknownIdError` where none has the name."""
        remaining = tuple(key for key in self.keys if key.name != name)
        if len(remaining) == len(self.keys):
            near = did_you_mean(name, [key.name for key in self.keys])
            raise UnknownIdError(f"no key is called {name!r}{near}")
        return Keys(keys=remaining)

    def free_name(self) -> str:
        """Return a name that no key has."""
        taken = {key.name for key in self.keys}
        return next(name for i in range(1, len(taken) + 2) if (name := f"key-{i}") not in taken)

    def save(self, path: Path) -> None:
        """Write a file that only its owner may read."""
        data = self.to_json().encode()
        with replacing(path) as temporary:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "wb") as file:
                file.write(data)


def is_exposed(path: Path) -> bool:
    """Return whether others may read a keys file: names, scopes and hashes, but no key."""
    return others_may(path, 4)


def keys_file() -> Path:
    """Return where keys are kept when no file is named."""
    return platformdirs.user_config_path("pennyweight") / "keys.json"


def digest_of(secret: str) -> str:
    """Return the stored hash of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_key(
    name: str,
    scopes: Collection[str],
    *,
    now: datetime,
    token: Callable[[int], str] = secrets.token_urlsafe,
) -> tuple[str, Key]:
    """Make a key.

    Parameters
    ----------
    name
        Up to 64 letters, digits, dots, dashes and underscores.
    scopes
        At least one.
    now
        When.
    token
        Returns this many random bytes in URL-safe base64.

    Returns
    -------
    tuple of (str, Key)
        The key itself, which is stored nowhere, and its entry for the file.

    Raises
    ------
    PlanError
        When the name or a scope cannot be used.
    """
    secret = PREFIX + token(BYTES)
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        problem = f"unknown scope {unknown[0]!r}" if unknown else "no scope"
        raise PlanError(f"{problem}; choose from {', '.join(SCOPES)}")
    ordered = tuple(scope for scope in SCOPES if scope in scopes)
    try:
        return secret, Key(name=name, scopes=ordered, created=now, sha256=digest_of(secret))
    except ValidationError:
        raise PlanError(
            f"name {name!r}: up to 64 letters, digits, dots, dashes and underscores, "
            "a letter or a digit first"
        ) from None


def change(path: Path, edit: Callable[[Keys], Keys], *, make: bool = False) -> Keys:
    """Read, edit and write a keys file, one process at a time.

    A missing file is created with `make`, and is a `DataError` without.
    """
    path = path.resolve()  # or a link would be replaced by a file
    if make:
        path.parent.mkdir(parents=True, exist_ok=True)
    elif not path.exists():
        return Keys.load(path)
    with locked(path.parent):
        keys = edit(Keys.load(path) if path.exists() else Keys())
        keys.save(path)
    return keys


def _refuse_writable(path: Path) -> None:
    """Refuse a file to which others may add a key of theirs."""
    try:
        if others_may(path, 2):
            raise DataError(
                f"{path}: others can write to it and so create keys; check its contents, "
                f"then chmod 600 {path}"
            )
        folder = path.parent.stat().st_mode
    except OSError:
        return  # reading it says why
    if folder & stat.S_IWOTH and not folder & stat.S_ISVTX:
        raise DataError(
            f"{path.parent}: anybody can write to this folder and so replace the keys "
            f"file; chmod o-w {path.parent}"
        )


def _first_problem(error: ValidationError) -> str:
    """Describe the first error without its value: a key may have been pasted into the file."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"])) or "the file"
    return f"{where} {plain_words(first)}"
