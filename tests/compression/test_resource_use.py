"""Speed and memory of encoding, measured in a new process."""

from pathlib import Path

import pytest

import small_shop
from pennyweight.compression.resource_use import measure_resource_use
from pennyweight.config.plan import Plan
from pennyweight.errors import PennyweightError
from pennyweight.fitting.pipeline import fit


def test_a_saved_model_encodes_in_a_process_without_torch(tiny: Path, tmp_path: Path) -> None:
    plan = Plan().override({"evaluate.bootstrap": 20, "evaluate.encoder_ablation": False})
    events = small_shop.events()
    made = fit(small_shop.items(), events, plan=plan, encoder=str(tiny), scorers=["content"])
    made.save(tmp_path / "bundle")
    use = measure_resource_use(tmp_path / "bundle")
    assert use.texts_per_second > 0 and use.ms_per_text > 0 and use.peak_rss_bytes > 50e6
    (tmp_path / "bundle/manifest.json").write_text("{}")
    with pytest.raises(PennyweightError, match=r"(?s)bundle: cannot be served: .*not a manifest"):
        measure_resource_use(tmp_path / "bundle")
