import re
from pathlib import Path

from pennyweight.planning.encoder_shape import published_shapes
from pennyweight.planning.prices import read_prices

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "guide-prices.md"


def test_the_file_of_the_guide_is_read_and_its_code_runs(tmp_path, monkeypatch, capsys):
    page = PAGE.read_text(encoding="utf-8")
    (prices,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "prices.toml").write_text(prices, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec("\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)), {})
    first, second = capsys.readouterr().out.splitlines()
    assert re.match(r"[0-9.]+ EUR per month \(", first)
    assert "Own machines pay from" in second


def test_the_pages_count_the_tables():
    guide = PAGE.read_text(encoding="utf-8")
    method = (DOCS / "method-planning.md").read_text(encoding="utf-8")
    assert f"has {len(read_prices().types)} instance types" in guide
    shapes = published_shapes().values()
    equal = sum(one.shape.parameters == one.parameters for one in shapes)
    assert f"has {len(shapes)} models" in method
    assert f"equal to it for the {equal} whose number" in method
