"""Outputs in the docs are those that the commands printed."""

import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import outputs
import pictures
import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = """# A page

```bash
for n in 1 2 3 4 5 6; do echo "line $n"; done
```

<!-- output -->
```text
of another build
```

<!-- output keep="line 2;;line 4 +1" -->
```text
of another build
```

```python
print("a", "b")
```

<!-- output of="echo named" -->
```text
```

```text
no output
```
"""


def blocks(page: str) -> list[str]:
    return [text for _, text in re.findall(r"```(text|console)\n(.*?)```", page, re.DOTALL)]


def test_blocks_hold_the_output_of_the_command_before_them(tmp_path: Path) -> None:
    page = outputs.remade(PAGE, tmp_path)
    assert blocks(page) == [
        "line 1\nline 2\nline 3\nline 4\nline 5\nline 6\n",
        "line 2\n  …\nline 4\nline 5\n  …\n",
        "named\n",
        "no output\n",
    ]
    assert outputs.remade(page, tmp_path) == page
    assert page.startswith("# A page\n\n```bash\nfor n in")


def test_blocks_share_a_folder_and_a_command_that_fails_is_told(tmp_path: Path) -> None:
    page = '```bash\necho 7 > number\n```\n\n<!-- output of="cat number" -->\n```text\n```\n'
    assert blocks(outputs.remade(page, tmp_path)) == ["7\n"]
    with pytest.raises(SystemExit, match=r"(?s)exit 3.*ended with 3"):
        outputs.remade("```bash\nexit 3\n```\n", tmp_path)


def test_lines_that_are_no_longer_printed_are_told() -> None:
    with pytest.raises(SystemExit, match="no line printed matches 'gone'"):
        outputs.shown("one\ntwo\n", "gone")


def test_prose_is_wrapped_and_tables_are_not() -> None:
    prose, table = "word " * 40, "cell   cell  " * 15
    assert max(map(len, outputs.wrapped(prose))) <= outputs.WIDTH
    assert outputs.wrapped(table) == [table]


def test_progress_is_no_output(tmp_path: Path) -> None:
    text = "echo '  1.2 s  encode'; echo 'expects to take about 3 MB'; echo result"
    assert outputs.printed("bash", text, tmp_path) == "result\n"


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("```bash\nls\n```\n\n```text\nold\n```\n", "shows an output without"),
        ("```text\nndcg@10  .1 [.0 .2]\n```\n", "shows an output without"),
        ("<!-- output -->\n```text\nold\n```\n", "no command before it"),
        ('```bash\nls\n```\n\n<!-- output keep="new" -->\n```text\nold\n```\n', "no line that"),
    ],
)
def test_the_check_names_blocks_that_nothing_writes(page: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(page, encoding="utf-8")
    assert [one for one in outputs.faults(path) if fault in one]
    path.write_text(PAGE.replace("of another build", "line 2\nline 4"), encoding="utf-8")
    assert outputs.faults(path) == []


def test_a_session_asks_a_service(tmp_path: Path) -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert '<!-- output session="pennyweight serve ' in page
    server = (
        "import http.server, sys\n"
        "class Answer(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200); self.end_headers(); self.wfile.write(b'hello')\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[-1])), Answer).serve_forever()\n"
    )
    (tmp_path / "server.py").write_text(server, encoding="utf-8")
    text = "$ curl -s localhost:8000/one\nold\n$ curl -s localhost:8000/two\n"
    command = f"{sys.executable} server.py"
    assert outputs.session(command, text, tmp_path) == (
        "$ curl -s localhost:8000/one\nhello\n$ curl -s localhost:8000/two\nhello\n"
    )


def test_every_output_in_the_pages_has_its_command_and_the_reference_is_of_this_build() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs/outputs.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("chromium") is None, reason="pictures are taken by chromium")
def test_a_picture_is_of_the_size_asked_for(tmp_path: Path) -> None:
    page, picture = tmp_path / "a page.html", tmp_path / "picture.png"
    page.write_text("<h1>A page</h1>" * 99, encoding="utf-8")
    pictures.photograph(page, picture, 600, 300)
    head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:]) == (600, 300)


def test_every_picture_is_in_a_page() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("docs/*.md"))
    pages += (ROOT / "README.md").read_text(encoding="utf-8")
    for name in pictures.PICTURES:
        assert f"images/{name}.png" in pages
