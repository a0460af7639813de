import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/guide-prices.md"


def test_the_file_of_the_guide_is_read_and_its_code_runs(tmp_path, monkeypatch, capsys):
    page = PAGE.read_text(encoding="utf-8")
    (prices,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "prices.toml").write_text(prices, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec("\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)), {})
    first, second = capsys.readouterr().out.splitlines()
    assert re.match(r"[0-9.]+ EUR per month \(", first)
    assert "Own machines pay from" in second
