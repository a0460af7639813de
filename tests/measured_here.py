"""Candidates of a compression are measured in this process: a new one for each takes seconds."""

from collections.abc import Iterator

import pytest

from pennyweight.compression import resource_use, search


@pytest.fixture(scope="module", autouse=True)
def measured_here() -> Iterator[None]:
    """Encode each text sample twice and load no new interpreter.

    tests/compression/test_resource_use.py measures in a process of its own, as users do.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "measure_resource_use", resource_use._measured)
        patch.setattr(resource_use, "SECONDS", 0.0)
        patch.setattr(resource_use, "HEAVY", ())  # other tests have loaded torch
        yield
