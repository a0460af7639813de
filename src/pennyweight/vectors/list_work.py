"""The data that the scores of one list read."""

from dataclasses import dataclass

__all__ = ["ListWork"]


@dataclass(frozen=True)
class ListWork:
    """Data read to score every item for one history.

    Attributes
    ----------
    int8_bytes
        Of dense vectors that are multiplied in 8 bits.
    float_bytes
        Of dense vectors that are stored and multiplied in float32.
    widened_values
        Of packed vectors that are widened to float32 first.
    sparse_entries
        Of the rows of sparse matrices, items by items, that a history names.
    postings
        Texts that have the words of a history.
    """

    int8_bytes: int = 0
    float_bytes: int = 0
    widened_values: int = 0
    sparse_entries: int = 0
    postings: int = 0

    def __add__(self, other: "ListWork") -> "ListWork":
        """Return the work of both."""
        return ListWork(
            self.int8_bytes + other.int8_bytes,
            self.float_bytes + other.float_bytes,
            self.widened_values + other.widened_values,
            self.sparse_entries + other.sparse_entries,
            self.postings + other.postings,
        )
