"""The static student: a token table fitted to a teacher's vectors; needs no torch.

With B the bags of the texts, T the teacher's vectors and X_0 the table to begin with, the
table is the X that makes  |B X - T|^2 + ridge |X - X_0|^2  least: linear in X, so that its
minimum is found by conjugate gradients, all columns at once, and no steps are to be chosen.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.encoders.protocol import TableEncoder
from pennyweight.errors import DataError
from pennyweight.vectors.unit_rows import unit_rows

__all__ = ["fit_table"]

Table = TypeVar("Table", bound=TableEncoder)

ROUNDS = 100
ENOUGH = 1e-4  # of the length of the first residual


def fit_table(
    student: Table,
    texts: Sequence[str],
    teacher: NDArray[np.float32],
    *,
    ridge: float = 0.1,
    progress: Callable[[int, int], None] | None = None,
) -> Table:
    """Return the student with the table that comes nearest to a teacher's vectors.

    Parameters
    ----------
    student
        Tokens without evidence in the texts keep the vectors of its table.
    teacher
        The teacher's vectors of the texts, float32 (len(texts), any width). They are turned
        into the table's width by the orthogonal map that brings them nearest to the student's
        vectors.
    ridge
        How many texts a token's vector to begin with weighs as much as.
    progress
        Called with (rounds done, largest number of rounds).

    Raises
    ------
    DataError
        The teacher's vectors are not of these texts.
    """
    if teacher.ndim != 2 or len(teacher) != len(texts) or not np.isfinite(teacher).all():
        raise DataError(
            f"the teacher's vectors have shape {teacher.shape}; there must be a finite row for "
            f"each of the {len(texts)} texts"
        )
    if not ridge > 0:
        raise DataError(f"ridge is {ridge}; it must be above 0")
    bag = student.bag(texts)
    length = np.sqrt(np.asarray(bag.multiply(bag).sum(axis=1))).ravel()
    scale = np.divide(1, length, out=np.zeros_like(length), where=length > 0)
    bag = sparse.csr_matrix(sparse.diags(scale.astype(np.float32)) @ bag)
    vectors = bag @ student.table
    sizes = np.linalg.norm(vectors, axis=1)
    unit = np.float32(1 / max(float(sizes[sizes > 0].mean()), 1e-6)) if sizes.any() else 1
    start, vectors = student.table * unit, vectors * unit  # texts begin at about unit length
    u, _, vt = np.linalg.svd(teacher.T @ vectors, full_matrices=False)
    targets = unit_rows(teacher @ (u @ vt))
    table = start + _solve(bag, targets - vectors, ridge, progress)
    return student.with_table(table, name=f"fitted-{student.name}")


def _solve(
    bag: sparse.csr_matrix,
    missing: NDArray[np.float32],
    ridge: float,
    progress: Callable[[int, int], None] | None,
) -> NDArray[np.float32]:
    """Solve (B'B + ridge) X = B' missing by conjugate gradients (Hestenes & Stiefel 1952)."""
    transposed = sparse.csr_matrix(bag.T)
    residual = transposed @ missing
    solution, direction = np.zeros_like(residual), residual.copy()
    square = np.einsum("ij,ij->j", residual, residual)
    enough = ENOUGH**2 * max(float(square.sum()), 1e-30)
    for done in range(1, ROUNDS + 1):
        product = transposed @ (bag @ direction) + np.float32(ridge) * direction
        step = square / np.maximum(np.einsum("ij,ij->j", direction, product), 1e-30)
        solution += direction * step
        residual -= product * step
        previous, square = square, np.einsum("ij,ij->j", residual, residual)
        if progress is not None:
            progress(done, ROUNDS)
        if float(square.sum()) <= enough:
            break
        direction = residual + direction * (square / np.maximum(previous, 1e-30))
    return np.asarray(solution, np.float32)
