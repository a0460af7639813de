"""The static student: nearest to its teacher, and no torch."""

import subprocess
import sys

import numpy as np
import pytest

from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.errors import DataError
from pennyweight.training.static import fit_table

RNG = np.random.default_rng(0)
WORDS = [f"word{i}" for i in range(40)]
TEXTS = [" ".join(RNG.choice(WORDS, 5)) for _ in range(200)]


@pytest.fixture(scope="module")
def student() -> LexicalEncoder:
    return LexicalEncoder.fit(TEXTS, dim=16)


@pytest.fixture(scope="module")
def teacher(student) -> np.ndarray:
    """Return what another table of the same words says, turned into another width."""
    table = RNG.normal(size=student.table.shape).astype(np.float32)
    turn = np.linalg.qr(RNG.normal(size=(24, 16)))[0].T
    return (student.with_table(table, name="other").encode(TEXTS) @ turn).astype(np.float32)


def mean_distance(encoder, teacher) -> float:
    rows = encoder.encode(TEXTS)
    return float(np.abs(rows @ rows.T - teacher @ teacher.T).mean())


def test_it_says_nearly_what_the_teacher_says(student, teacher):
    fitted = fit_table(student, TEXTS, teacher, ridge=1e-3)
    assert mean_distance(fitted, teacher) < 0.2 * mean_distance(student, teacher)
    assert fitted.name.startswith("fitted-")


def test_it_is_the_solution_of_the_normal_equations(student, teacher):
    calls: list[tuple[int, int]] = []
    fitted = fit_table(student, TEXTS, teacher, ridge=0.5, progress=lambda *row: calls.append(row))
    assert calls[0][0] == 1
    bag = student.bag(TEXTS).toarray()
    bag /= np.maximum(np.linalg.norm(bag, axis=1, keepdims=True), 1e-9)
    vectors = bag @ student.table
    scale = 1 / np.linalg.norm(vectors, axis=1).mean()
    u, _, vt = np.linalg.svd(teacher.T @ vectors, full_matrices=False)
    targets = teacher @ u @ vt
    targets /= np.linalg.norm(targets, axis=1, keepdims=True)
    start = student.table * scale
    change = np.linalg.solve(
        bag.T @ bag + 0.5 * np.eye(bag.shape[1]), bag.T @ (targets - bag @ start)
    )
    np.testing.assert_allclose(fitted.table, start + change, atol=2e-3)


def test_words_that_no_text_has_stay(student, teacher):
    few = fit_table(student, TEXTS[:3], teacher[:3])
    absent = np.setdiff1d(np.arange(len(student.table)), student.bag(TEXTS[:3]).indices)
    ratio = few.table[absent] / student.table[absent]
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-3)


def test_what_does_not_fit_is_refused(student, teacher):
    with pytest.raises(DataError, match="a finite row for each of the 200 texts"):
        fit_table(student, TEXTS, teacher[1:])
    with pytest.raises(DataError, match="ridge is 0"):
        fit_table(student, TEXTS, teacher, ridge=0)


def test_torch_is_not_needed():
    code = "import sys; sys.modules['torch'] = None; import pennyweight.training.static"
    subprocess.run([sys.executable, "-c", code], check=True)
