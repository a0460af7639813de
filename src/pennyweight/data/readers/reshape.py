"""From the shape in which a table comes to one row an item, or one row an event."""

from collections.abc import Mapping

from pennyweight.data.readers.extended_json import is_extended, plain_frame
from pennyweight.data.readers.loaded import Loaded
from pennyweight.data.readers.properties import find_properties, pivot_properties

__all__ = ["reshape"]


def reshape(loaded: Loaded, table: str, columns: Mapping[str, str | None], source: str) -> Loaded:
    """Bring a table into shape; what is done to its rows is counted in its findings.

    Parameters
    ----------
    loaded
        As read.
    table
        ``"items"`` or ``"events"``.
    columns
        Role -> column, as the user chose them.
    source
        The file, for error messages.
    """
    if is_extended(loaded.frame):
        loaded.frame = plain_frame(loaded.frame)
    if table == "items":
        roles = find_properties(loaded.frame, columns.get("id"))
        if roles is not None:
            loaded.frame = pivot_properties(loaded.frame, roles, loaded.findings, source)
    return loaded
