"""Implementations by name: those of this package, and those of installed packages."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from pennyweight.errors import PennyweightError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["PluginRegistry"]

T = TypeVar("T")


class PluginRegistry(Generic[T]):
    """Classes by name. None is imported before it is looked up.

    Parameters
    ----------
    group
        Group of entry points in which other packages register classes.
    built_in
        Name -> ``module:Class`` of this package.
    """

    def __init__(self, group: str, built_in: Mapping[str, str]) -> None:
        self.group, self.built_in = group, dict(built_in)
        self._added: dict[str, type[T]] = {}

    def names(self) -> tuple[str, ...]:
        """Return all names: built in, then added, then installed."""
        installed = sorted(entry.name for entry in self._installed())
        return tuple(dict.fromkeys((*self.built_in, *self._added, *installed)))

    def add(self, name: str, kind: type[T]) -> None:
        """Register a class for this process, such as one defined in a notebook."""
        if name in self.built_in:
            raise PennyweightError(f"{name!r} is built in; register the class by another name")
        self._added[name] = kind

    def find(self, name: str) -> type[T] | None:
        """Return the class of a name; None where nothing has that name.

        Raises
        ------
        PennyweightError
            A package registers the name, but its class cannot be imported.
        """
        if name in self.built_in:
            module, _, attribute = self.built_in[name].partition(":")
            return cast("type[T]", getattr(import_module(module), attribute))
        if name in self._added:
            return self._added[name]
        for entry in self._installed():
            if entry.name != name:
                continue
            try:
                return cast("type[T]", entry.load())
            except (ImportError, AttributeError) as error:
                raise PennyweightError(
                    f"the entry point {name!r} of the group {self.group} ({entry.value}) cannot "
                    f"be loaded: {error}; install the package that provides it again"
                ) from error
        return None

    def _installed(self) -> "list[EntryPoint]":
        from importlib.metadata import entry_points  # slow to import, and seldom needed

        return list(entry_points(group=self.group))
