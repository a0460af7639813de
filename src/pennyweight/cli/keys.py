"""`keys`: the API keys of a service and their scopes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pennyweight.cli.output import dump, note, say

__all__ = ["create", "listed", "revoke"]

File = Annotated[
    Path | None,
    typer.Option("--keys", metavar="FILE", help="Keys file; in your configuration by default."),
]


def create(
    scope: Annotated[
        list[str],
        typer.Option(
            metavar="session|read|events|admin",
            help="session: lists for histories in the request; read: also lists for users; "
            "events: write events; admin: everything. Repeat for several.",
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the key; key-1 and so on by default."),
    ] = None,
    file: File = None,
) -> None:
    """Create a key and print it once."""
    from pennyweight.serving.security.keys import Key, Keys, change, keys_file, new_key

    made: list[tuple[str, Key]] = []

    def add(keys: Keys) -> Keys:
        made.append(new_key(name or keys.free_name(), scope, now=datetime.now(UTC)))
        return keys.with_key(made[0][1])

    path = file or keys_file()
    change(path, add, make=True)
    secret, key = made[0]
    say(secret)
    note(
        f"key {key.name!r} ({', '.join(key.scopes)}) is in {path}. It is not shown again; "
        "services that read this file know it within a second."
    )


def listed(
    file: File = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List names, scopes and dates; never the keys."""
    from pennyweight.serving.security.keys import Keys, is_exposed, keys_file

    path = file or keys_file()
    keys = Keys.load(path).keys
    if is_exposed(path):
        note(f"{path}: others may read names, scopes and hashes of keys; chmod 600 it")
    if json:
        dump([key.model_dump(mode="json", exclude={"sha256"}) for key in keys])
        return
    width = max((len(key.name) for key in keys), default=0)
    for key in keys:
        say(f"{key.name.ljust(width)}  {key.created:%Y-%m-%d}  {', '.join(key.scopes)}")
    if not keys:
        note(f"{path}: no key")


def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the key.")],
    file: File = None,
) -> None:
    """Revoke a key."""
    from pennyweight.serving.security.keys import change, keys_file

    path = file or keys_file()
    if change(path, lambda keys: keys.without(name)).keys:
        note(f"key {name!r} is revoked; services that read {path} refuse it within a second")
    else:
        note(
            f"key {name!r} is revoked; it was the last, so services that read {path} refuse every "
            "request. To serve without keys, on this machine alone, remove the file"
        )
