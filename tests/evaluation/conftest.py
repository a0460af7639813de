import json
from pathlib import Path

import numpy as np
import pytest

from pennyweight.data.split import HeldOut
from world import events


@pytest.fixture(scope="session")
def rectools():
    """A small world and what RecTools says of it (``benchmarks/metrics.py --golden``).

    RecTools asks for numpy below 2 on Python 3.11 and 3.12, so it cannot be installed here.
    """
    golden = json.loads(Path(__file__).with_name("rectools.json").read_text())
    before = events(golden["before"], golden["n_items"])
    held = HeldOut(
        users=np.arange(len(before.users), dtype=np.int32),
        histories=before.histories,
        targets=np.array([i for row in golden["held_out"] for i in row], np.int32),
        target_offsets=np.cumsum([0, *map(len, golden["held_out"])]),
        before=before,
    )
    return golden, held
